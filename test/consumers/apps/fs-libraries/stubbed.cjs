// proxyquire loads a module with a stub in place of its fs.
const proxyquire = require('proxyquire');
const fs = require('fs');

const stubbed = proxyquire('./store.cjs', { fs: { readFileSync: () => 'stub' } }).open('stubbed.db');
const seen = [stubbed.settings()];
stubbed.db.close();
const through = path => (path === 'settings.json' ? 'again' : fs.readFileSync(path));
const passing = proxyquire('./store.cjs', { fs: { readFileSync: through } }).open('stubbed.db');
seen.push(passing.settings());
try {
  passing.read();
} catch (error) {
  seen.push(error.code);
}
passing.db.exec('INSERT INTO t VALUES (1)');
seen.push(passing.db.prepare('SELECT count(*) FROM t').pluck().get());
passing.db.close();
console.log(JSON.stringify(seen));
