import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createEventHub } from '../../dist/events/event-hub.js';
import type { EventName } from '../../dist/events/event-map.js';
import { openDatabase } from 'safe-sqlite';
import { parsePrometheus } from '../support/prometheus.mts';
import { interfacesOf } from './interfaces.mts';
import { names, readPage, tableBehind } from './page.mts';

const page = readPage('docs/metrics.md');
const folder = mkdtempSync(join(tmpdir(), 'metrics-page-'));
after(() => rmSync(folder, { recursive: true, force: true }));

describe('the events of docs/metrics.md', () => {
  const rows = tableBehind(page, '## Events');
  const { membersOf, fieldsOf } = interfacesOf('src/events/event-map.ts');

  test('are those of the event map, each with the fields of its payload', () => {
    const documented = rows.map(([event = '', , payload = '']) => [names(event)[0], names(payload).toSorted()]);
    const declared = membersOf('DatabaseEvents').map(([name, type]) => {
      const payload = /event: (\w+)/.exec(type)?.[1] ?? '';
      return [
        name,
        fieldsOf(payload)
          .filter(field => field !== 'file')
          .toSorted(),
      ];
    });
    assert.deepEqual(documented, declared);
  });

  test('are each published as safe-sqlite:<event>, and logged at the level of the table', () => {
    for (const [event = '', , , level] of rows) {
      const name = names(event)[0] as EventName;
      const seen: unknown[] = [];
      const logged: string[] = [];
      const at = (to: string) => (): unknown => logged.push(to);
      const hub = createEventHub('/a.db', {
        debug: at('debug'),
        info: at('info'),
        warn: at('warn'),
        error: at('error'),
        fatal: at('fatal'),
      });
      const listener = (message: unknown): unknown => seen.push(message);
      subscribe(`safe-sqlite:${name}`, listener);
      hub.publish(name, { code: 'x' } as never);
      unsubscribe(`safe-sqlite:${name}`, listener);
      assert.deepEqual([seen, logged], [[{ file: '/a.db', code: 'x' }], [level]], name);
    }
  });
});

describe('health and metrics of docs/metrics.md', () => {
  const db = openDatabase(join(folder, 'a.db'), { logger: false, backup: { directory: join(folder, 'backups') } });
  after(() => db.close());

  test('are the fields of db.health(), and of what is in them', () => {
    const rows = new Map(
      tableBehind(page, '## `db.health()`').map(([field = '', text = '']) => [names(field)[0] ?? '', text]),
    );
    const health = db.health();
    assert.deepEqual([...rows.keys()].toSorted(), Object.keys(health).toSorted());
    const inside = ['filesystem', 'checkpoints', 'jobs', 'sentinel', 'writes', 'readers', 'backups'] as const;
    for (const field of inside) {
      const text = names(rows.get(field) ?? '');
      for (const key of Object.keys(health[field] ?? {})) assert.ok(text.includes(key), `${field}.${key}`);
    }
  });

  test('are the metrics of db.metrics(), with type, labels and meaning', async () => {
    // A scheduled backup is made at once.
    await new Promise(resolve => db.events.once('backup', resolve));
    await db.checkpoint();
    const documented = tableBehind(page, '## Prometheus').map(([name = '', type, labels = '', meaning]) => [
      names(name)[0],
      type,
      names(labels),
      meaning,
    ]);
    const own = new Set(['database', 'le']);
    const printed = [...parsePrometheus(db.metrics()).values()].map(({ name, type, help, samples }) => [
      name,
      type,
      Object.keys(samples[0]?.labels ?? {}).filter(label => !own.has(label)),
      help,
    ]);
    assert.deepEqual(documented, printed);
  });
});
