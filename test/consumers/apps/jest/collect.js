// `globalTeardown`: every environment is gone; collects garbage until the forgotten handle is closed.
const fs = require('node:fs');
const { setTimeout: wait } = require('node:timers/promises');

module.exports = async () => {
  for (let round = 0; round < 500 && !fs.existsSync(process.env.COLLECTED); round += 1) {
    globalThis.gc();
    await wait(10);
  }
};
