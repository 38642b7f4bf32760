// mock-fs puts a file system in memory under fs; memfs is one beside it. The database stays on the disk.
const mock = require('mock-fs');
const { Volume, createFsFromVolume } = require('memfs');
const Database = require('safe-sqlite');
const fs = require('node:fs');

const db = new Database('mocked.db', { logger: false, sentinel: { intervalMs: 20 } });
db.exec('CREATE TABLE t (a)');
const main = async () => {
  const beside = createFsFromVolume(Volume.fromJSON({ '/app/mocked.db': 'in memory' }));
  const seen = [beside.readFileSync('/app/mocked.db', 'utf8')];
  mock({ '/virtual/mocked.db': 'mocked' });
  seen.push(fs.readFileSync('/virtual/mocked.db', 'utf8'));
  db.exec('INSERT INTO t VALUES (1)');
  await new Promise(resolve => setTimeout(resolve, 200));
  db.exec('INSERT INTO t VALUES (2)');
  mock.restore();
  db.exec('INSERT INTO t VALUES (3)');
  seen.push(db.prepare('SELECT count(*) FROM t').pluck().get(), db.health().status === 'fenced');
  db.close();
  console.log(JSON.stringify(seen));
};
void main();
