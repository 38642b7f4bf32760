/** Imports better-sqlite3 as a value, as the only file that does: all others get the native class from here. */
import NativeDatabase from 'better-sqlite3';

// Node-API 10, which better-sqlite3 13 is built against, came with Node 22.14 (nodejs.org/api/n-api.html). Measured: in
// 22.0, 22.12 and 22.13 the first open crashes the process with a segmentation fault.
const neededNodeApi = 10;
if (Number(process.versions['napi']) < neededNodeApi) {
  throw new Error(
    `better-sqlite3 13 needs Node 22.14 or newer (Node-API ${neededNodeApi}); this is Node ${process.version} with ` +
      `Node-API ${process.versions['napi']}, where opening a database crashes with a segmentation fault. Update Node.`,
  );
}

// An alias of npm (`"better-sqlite3": "npm:safe-sqlite"`) puts this package where it looks for better-sqlite3: it gets itself, half loaded.
if (typeof Reflect.get(NativeDatabase ?? {}, 'SqliteError') !== 'function') {
  throw new Error(
    'The package `better-sqlite3` that safe-sqlite needs is another one here, for example safe-sqlite itself under that name. ' +
      'Install both under their own names (`npm install safe-sqlite better-sqlite3@13`); for code that imports better-sqlite3, ' +
      'start with `node --import safe-sqlite/register`.',
  );
}

export { NativeDatabase };
