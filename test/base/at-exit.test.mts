import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

const path = createRequire(import.meta.url).resolve('../../dist/base/at-exit.js');

function run(body: string): string[] {
  const program = `const { atExit } = require(${JSON.stringify(path)}); const say = word => () => console.log(word); ${body}`;
  // The limit ends an endless loop of microtasks, which nothing inside the process can.
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter(line => line !== '');
}

/** A listener that some library keeps last, in each of the ways to do so. */
const rivals = {
  'at once': 'again();',
  'in a microtask': 'queueMicrotask(again);',
  'in a tick': 'process.nextTick(again);',
  'in the next turn': 'setImmediate(again);',
} as const;

/** `fresh`: it is another function each time. */
function rival(how: string, fresh: boolean): string {
  return `{
    let last;
    const make = () => ${fresh ? '() => console.log("rival")' : 'last ?? say("rival")'};
    let adding = false;
    const again = () => {
      if (last !== undefined && process.listeners('exit').at(-1) === last) return;
      adding = true;
      if (last !== undefined) process.off('exit', last);
      process.on('exit', last = make());
      adding = false;
    };
    process.on('newListener', (event, listener) => {
      if (event === 'exit' && !adding) { const move = () => { ${how} }; queueMicrotask(move); }
    });
    again();
  }`;
}

describe('atExit', () => {
  test('runs behind listeners that were added before and after', () => {
    const body = `process.on('exit', say('before')); atExit(say('task')); process.on('exit', say('after'));`;
    assert.deepEqual(run(body), ['before', 'after', 'task']);
  });

  test('runs all tasks in their order, through one listener, also when one fails', () => {
    const body = `
      for (let i = 0; i < 20; i++) atExit(() => {});
      atExit(say('first')); atExit(() => { throw new Error('no') }); atExit(say('second'));
      console.log(process.listenerCount('exit'));`;
    assert.deepEqual(run(body), ['1', 'first', 'second']);
  });

  test('forgets a task that is taken back', () => {
    assert.deepEqual(run(`atExit(say('stays')); atExit(say('goes'))();`), ['stays']);
  });

  test('leaves a listener alone that is added in the turn of process.exit()', () => {
    assert.deepEqual(run(`atExit(say('task')); process.on('exit', say('late')); process.exit(0);`), ['late']);
  });

  test('stays behind a listener that the application takes off and puts on again', () => {
    const body = `
      const own = say('application');
      atExit(say('task'));
      (async () => {
        for (let i = 0; i < 5; i++) { process.off('exit', own); process.on('exit', own); await null; await null; }
      })();`;
    assert.deepEqual(run(body), ['application', 'task']);
  });
});

describe('two copies of atExit in realms that share process', () => {
  /** The copy of another realm: its own globalThis, and the process and modules of this one. */
  const realm = `
    const vm = require('node:vm'), fs = require('node:fs'), { dirname, resolve } = require('node:path');
    const otherRealm = () => {
      const context = vm.createContext({ process, console });
      const cache = {};
      const load = file => cache[file] ??= (() => {
        const module = { exports: {} };
        cache[file] = module.exports;
        vm.runInContext('(function (require, module, exports) {' + fs.readFileSync(file, 'utf8') + '})', context)(
          name => name.startsWith('.') ? load(resolve(dirname(file), name + '.js')) : require(name), module, module.exports);
        return module.exports;
      })();
      return load(${JSON.stringify(path)});
    };`;

  test('share one listener, and the process ends', () => {
    const body = `${realm}
      const other = otherRealm(), third = otherRealm();
      if (other.atExit === atExit) throw new Error('the same copy');
      atExit(say('first')); other.atExit(say('second')); third.atExit(say('third'));
      process.on('exit', say('application'));`;
    assert.deepEqual(run(body), ['application', 'first', 'second', 'third']);
  });
});

describe('another library that keeps its listener last', () => {
  for (const [when, how] of Object.entries(rivals)) {
    test(`${when}: the process ends, and the tasks run`, () => {
      assert.deepEqual(run(`${rival(how, false)} atExit(say('task')); setTimeout(() => {}, 50);`), ['task', 'rival']);
    });

    test(`${when}, another function each time: the process ends, and closes nothing before it`, () => {
      assert.ok(run(`${rival(how, true)} atExit(say('task')); setTimeout(() => {}, 50);`).includes('rival'));
    });
  }

  test('the same rival against a listener that answers each time never ends', () => {
    const naive = `
      const ours = () => {};
      process.on('exit', ours);
      let moves = 0, moving = false;
      process.on('newListener', (event, listener) => {
        if (event !== 'exit' || listener === ours || moving) return;
        moving = true;
        queueMicrotask(() => {
          moving = false;
          if (++moves === 100000) { console.log('endless'); process.reallyExit(0); }
          process.off('exit', ours); process.on('exit', ours);
        });
      });`;
    assert.deepEqual(run(`${naive} ${rival(rivals['in a microtask'], false)}`), ['endless']);
  });
});
