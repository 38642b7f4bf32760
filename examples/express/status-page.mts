/** The page at `/`: how the database is, in words, for whoever is woken up by it. */
import type { DatabaseHealth, Plan } from 'safe-sqlite';
import { html, type Html } from './html.mts';

export function statusPage(health: DatabaseHealth, plan: Plan): Html {
  const { status, reasons, checkpoints, writes, backups, sentinel } = health;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${status}: notes</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <main>
          <header class="${status}">
            <h1>${headline[status]}</h1>
            <p>${health.file}, at ${time(new Date().toISOString())}</p>
            ${reasons.map(reason => html`<p class="reason">${reason}</p>`)}
          </header>
          ${section('Writes', [
            ['Waiting', waiting(writes)],
            ['Committed', `${count(writes.committed)} in ${count(writes.batches)} commits`],
            ['Last commit', writes.lastCommitMs === null ? 'none yet' : `${writes.lastCommitMs.toFixed(1)} ms`],
            ['Rejected', count(writes.rejected + writes.refused)],
          ])}
          ${
            checkpoints === null
              ? section('WAL', [['Used', `no: journal_mode is ${health.journalMode}`]])
              : section('WAL', [
                  [
                    'Size',
                    html`${bytes(checkpoints.walBytes)}
                      <meter value="${checkpoints.walBytes}" max="${checkpoints.walLimitBytes}"></meter>`,
                  ],
                  ['Limit', bytes(checkpoints.walLimitBytes)],
                  ['Not in the database yet', bytes(checkpoints.pendingBytes)],
                  ['Last full checkpoint', ago(checkpoints.lastCompleteAgeMs)],
                ])
          }
          ${section('Backups', [
            ['Last', backups === null ? 'none are scheduled' : ago(backups.lastBackup?.ageMs ?? null)],
            ['File', backups?.lastBackup?.path ?? '–'],
            ['Next', backups?.running === true ? 'running' : time(backups?.next ?? null)],
            ['Failed since', count(backups?.failures ?? 0)],
          ])}
          ${section('Decided at open', [
            ['Ground', `${health.filesystem?.type} (${health.filesystem?.class})`],
            [
              'SQLite',
              `${health.sqliteVersion}, journal_mode=${health.journalMode}, synchronous=${health.synchronous}`,
            ],
            ['Why', plan.reasons.map(reason => html`<div>${reason}</div>`)],
            [
              'Warnings',
              plan.warnings.length === 0 ? 'none' : plan.warnings.map(({ message }) => html`<div>${message}</div>`),
            ],
            ['Locks', `${sentinel?.locks}, ${count(sentinel?.checks ?? 0)} checks`],
          ])}
          <nav><a href="/health">health</a> <a href="/metrics">metrics</a> <a href="/plan">plan</a></nav>
        </main>
        <script>
          ${refresh};
        </script>
      </body>
    </html>`;
}

const headline = {
  ok: 'All is well',
  degraded: 'It works. Somebody should look at it.',
  fenced: 'Fenced: nothing is written until somebody looks',
} as const;

function section(title: string, rows: readonly (readonly [name: string, value: unknown])[]): Html {
  const row = ([name, value]: (typeof rows)[number]): Html =>
    html`<dt>${name}</dt>
      <dd>${value}</dd>`;
  return html`<section>
    <h2>${title}</h2>
    <dl>${rows.map(row)}</dl>
  </section>`;
}

function waiting({ queued, oldestMs, waitsFor }: DatabaseHealth['writes']): string {
  if (queued === 0) return 'none';
  const obstacle = waitsFor === null ? '' : `, for the ${waitsFor}`;
  return `${count(queued)}${obstacle}, the oldest for ${Math.round(oldestMs ?? 0)} ms`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function bytes(value: number): string {
  return value < 1024 * 1024 ? `${(value / 1024).toFixed(0)} KiB` : `${(value / 1024 / 1024).toFixed(1)} MiB`;
}

function ago(milliseconds: number | null): string {
  if (milliseconds === null) return 'none yet';
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 120 ? `${seconds} s ago` : `${count(Math.round(seconds / 60))} minutes ago`;
}

function time(iso: string | null): string {
  return iso === null ? '–' : `${iso.slice(0, 19).replace('T', ' ')} UTC`;
}

const style = html`
  :root { color-scheme: light dark; font: 18px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums } body {
  margin: 0; background: Canvas; color: CanvasText } main { max-width: 60rem; margin: auto; padding: 1rem; display:
  grid; gap: 1.5rem } header { padding: 1rem 1.5rem; border-radius: .5rem; color: white; background: #1a6b35;
  overflow-wrap: anywhere } header.degraded { background: #8a5200 } header.fenced, header.silent { background: #a51d24 }
  h1, h2, p, dl, dd { margin: 0 } h1 { font-size: 1.6rem; line-height: 1.3 } h2 { font-size: 1.1rem; border-bottom: 1px
  solid GrayText } .reason { margin-top: .5rem; font-weight: 600 } dl { display: grid; grid-template-columns:
  minmax(7rem, 13rem) 1fr; column-gap: 1rem; margin-top: .25rem } dd { overflow-wrap: anywhere } meter { width: 12rem;
  max-width: 40%; vertical-align: middle } a { color: LinkText; margin-right: 1rem }
`;

/** What no longer answers must not look like what was well a minute ago. */
const refresh = html`
  setInterval(async () => { const header = document.querySelector('header'); try { const response = await fetch('/', {
  signal: AbortSignal.timeout(4000) }); const page = new DOMParser().parseFromString(await response.text(),
  'text/html'); document.querySelector('main').replaceWith(page.querySelector('main')); document.title = page.title; }
  catch { header.className = 'silent'; header.querySelector('h1').textContent = document.title = 'The service does not
  answer'; } }, 5000);
`;
