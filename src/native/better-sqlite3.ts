/** The one place that imports better-sqlite3 as a value: every other file gets the native class from here. */
import NativeDatabase from 'better-sqlite3';

// The Node-API that better-sqlite3 13 is built against came with Node 22.14 (nodejs.org/api/n-api.html). Measured: in
// 22.0, 22.12 and 22.13 the first open ends the process with a segmentation fault.
const neededNodeApi = 10;
if (Number(process.versions['napi']) < neededNodeApi) {
  throw new Error(
    `better-sqlite3 13 needs Node 22.14 or newer (Node-API ${neededNodeApi}); this is Node ${process.version} with ` +
      `Node-API ${process.versions['napi']}, where it would end the process with a segmentation fault. Update Node.`,
  );
}

export { NativeDatabase };
