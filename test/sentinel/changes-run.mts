/** Tries every change of files underneath a connection and writes test/results/changes.json. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changes, intervalMs, moments, tryChange, writersOf } from './changes.mts';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-changes-'));
const rows: unknown[] = [];
for (const change of changes) {
  for (const [writer, moment] of writersOf(change).flatMap(each => moments.map(moment => [each, moment] as const))) {
    const at = { change, writer, moment, folder };
    const raw = change.file === '-shm' ? null : await tryChange('raw', at);
    const ours = await tryChange('ours', at);
    const noticedMs = ours.noticedMs === null ? null : 3 * intervalMs;
    rows.push({
      file: change.file,
      name: change.name,
      writer,
      moment,
      raw:
        raw === null
          ? null
          : {
              acknowledged: raw.acknowledged,
              afterwards: (raw.afterwards.split('\n')[0] ?? '').replaceAll('*', '').trim(),
            },
      ours: { acknowledged: ours.acknowledged, noticedMs, rescued: ours.rescued },
    });
  }
}
rmSync(folder, { recursive: true, force: true });
writeFileSync(
  new URL('../results/changes.json', import.meta.url),
  `${JSON.stringify({ intervalMs, rows }, null, 2)}\n`,
);
