// A library that takes the functions of fs over, loaded before the database is opened or after it.
const [, , name, order] = process.argv;
let library = order === 'before' ? require(name) : null;
const Database = require('safe-sqlite');
const fs = require('node:fs');
const path = require('node:path');

const file = path.resolve(`${name}-${order}.db`);
const db = new Database(file, { logger: false });
db.exec('CREATE TABLE t (a)');
fs.writeFileSync('other.txt', 'other');
library ??= require(name);

const codeOf = async call => {
  try {
    await call();
    return 'done';
  } catch (error) {
    return error.code;
  }
};
const byCallback = (method, ...args) =>
  new Promise((resolve, reject) => library[method](...args, error => (error ? reject(error) : resolve())));

const main = async () => {
  const refused = {
    readFileSync: await codeOf(() => library.readFileSync(file)),
    readFile: await codeOf(() => byCallback('readFile', file)),
    copyFile: await codeOf(() => byCallback('copyFile', file, `${file}.copy`)),
    createReadStream: await codeOf(
      () =>
        new Promise((resolve, reject) =>
          library.createReadStream(file).on('error', reject).on('end', resolve).resume(),
        ),
    ),
    ...(library.copy === undefined ? {} : { copy: await codeOf(() => library.copy(file, `${file}.copy`)) }),
    ...(library.copy === undefined ? {} : { promise: await codeOf(() => library.readFile(file)) }),
  };
  const other = library.readFileSync('other.txt', 'utf8');
  await byCallback('copyFile', 'other.txt', 'other.copy');
  db.exec('INSERT INTO t VALUES (1)');
  db.close();
  const afterwards = await codeOf(() => byCallback('readFile', file));
  console.log(JSON.stringify({ refused: [...new Set(Object.values(refused))], other, afterwards }));
};
void main();
