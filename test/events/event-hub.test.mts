import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { createEventHub } from '../../dist/events/event-hub.js';

function recorder() {
  const lines: { level: string; facts: Record<string, unknown>; message: string }[] = [];
  const method = (level: string) => (facts: object, message: string) => {
    lines.push({ level, facts: { ...facts }, message });
  };
  const logger = {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    fatal: method('fatal'),
  };
  return { lines, logger };
}

const warning = { code: 'test', message: 'something', details: {} };

describe('the event hub', () => {
  test('tells listeners, the channel and the log', () => {
    const { lines, logger } = recorder();
    const hub = createEventHub('/a.db', logger);
    const seen: unknown[] = [];
    const onChannel = (message: unknown): void => void seen.push(['channel', message]);
    subscribe('safe-sqlite:warning', onChannel);
    hub.openEmitter().on('warning', event => seen.push(['listener', event]));
    hub.publish('warning', warning);
    unsubscribe('safe-sqlite:warning', onChannel);
    const payload = { file: '/a.db', ...warning };
    assert.deepEqual(seen, [
      ['channel', payload],
      ['listener', payload],
    ]);
    assert.deepEqual(lines, [
      { level: 'warn', facts: { event: 'warning', ...payload }, message: 'warning: something' },
    ]);
  });

  test('a listener that throws is logged, and the next one is called', () => {
    const { lines, logger } = recorder();
    const hub = createEventHub('/a.db', logger);
    const mine = new Error('mine');
    let called = 0;
    const emitter = hub.openEmitter();
    emitter.on('closed', () => {
      throw mine;
    });
    emitter.once('closed', () => void (called += 1));
    hub.publish('closed', {});
    hub.publish('closed', {});
    assert.equal(called, 1);
    assert.equal(lines.filter(line => line.level === 'error' && line.facts['err'] === mine).length, 2);
  });

  test('a listener that rejects is logged', async () => {
    const { lines, logger } = recorder();
    const hub = createEventHub('/a.db', logger);
    // oxlint-disable-next-line typescript/no-misused-promises -- this is what the test is about
    hub.openEmitter().on('closed', () => Promise.reject(new Error('later')));
    hub.publish('closed', {});
    await turn();
    assert.equal(lines.at(-1)?.level, 'error');
  });

  test('a logger that throws breaks nothing', () => {
    const { logger } = recorder();
    const hub = createEventHub('/a.db', {
      ...logger,
      warn() {
        throw new Error('disk full');
      },
    });
    let called = false;
    hub.openEmitter().on('warning', () => void (called = true));
    hub.publish('warning', warning);
    assert.equal(called, true);
  });

  test('an error is logged as pino prints errors', () => {
    const { lines, logger } = recorder();
    const error = new Error('no');
    createEventHub('/a.db', logger).publish('fenced', { reason: 'storage', error });
    assert.equal(lines[0]?.level, 'fatal');
    assert.equal(lines[0]?.facts['err'], error);
  });

  test('hears a logger and a listener that reject, whatever kind of promise they give', async () => {
    const rejections: unknown[] = [];
    const onRejection = (error: unknown): void => void rejections.push(error);
    process.on('unhandledRejection', onRejection);
    const { lines, logger } = recorder();
    const reject = (): void => void 0;
    const rejecting = { ...logger, warn: (() => Promise.reject(new Error('logger'))) as typeof reject };
    const hub = createEventHub('/a.db', rejecting);
    // oxlint-disable-next-line unicorn/no-thenable -- a promise of another library
    const thenable = { then: (_: unknown, fail: (error: Error) => void) => fail(new Error('listener')) };
    hub.openEmitter().on('warning', (() => thenable) as () => void);
    hub.publish('warning', warning);
    await turn();
    process.off('unhandledRejection', onRejection);
    assert.deepEqual(rejections, []);
    assert.deepEqual(
      lines.map(({ level }) => level),
      ['error'],
    );
  });

  test('a listener cannot change what the next one gets, however the event is published', async () => {
    const { lines, logger } = recorder();
    const hub = createEventHub('/a.db', logger);
    const seen: unknown[] = [];
    const emitter = hub.openEmitter();
    emitter.on('warning', event => void Object.assign(event, { message: 'all is well' }));
    emitter.on('warning', event => seen.push(event.message));
    hub.publish('warning', warning);
    hub.publishSoon('warning', warning);
    await turn();
    hub.relay('warning', warning);
    assert.deepEqual(seen, ['something', 'something', 'something']);
    assert.deepEqual(
      lines.filter(({ level }) => level === 'error').map(({ facts }) => facts['err'] instanceof TypeError),
      [true, true, true],
    );
  });

  test('control characters of a message do not reach a terminal by the log', () => {
    const { lines, logger } = recorder();
    createEventHub('/a.db', logger).publish('warning', { ...warning, message: 'up\u001b[2J and away' });
    assert.equal(lines.length, 1);
    const message = lines[0]?.message ?? '';
    assert.doesNotMatch(message, /\p{Cc}/u);
    assert.match(message, /^warning: up.*\[2J and away$/);
  });
});
