/** Holds the style and the script of the status page, and their hashes for its content security policy. */
import { createHash } from 'node:crypto';
import { Html } from './html';

/** The colours of a terminal report: green, amber and red with white text, 4.5 to 1 and more (WCAG 2.2 AA). */
const css = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums;
  --page: #fafafa; --card: #fff; --text: #1b1b1b; --muted: #5c5c5c; --rule: #ddd; --line: #0b57a4; --limit: #a51d24; }
@media (prefers-color-scheme: dark) { :root { --page: #121416; --card: #1c1f22; --text: #ececec; --muted: #a6a6a6;
  --rule: #383c40; --line: #7ab8ff; --limit: #ff8a80; } }
body { margin: 0; background: var(--page); color: var(--text); }
main { max-width: 64rem; margin: auto; padding: 1rem; display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
header { padding: 1rem 1.25rem; border-radius: .5rem; color: #fff; background: #1a6b35; overflow-wrap: anywhere; }
header.degraded { background: #8a5200; }
header.fenced, header.silent { background: #a51d24; }
h1, h2, p, dl, dd, figure { margin: 0; }
h1 { font-size: 1.5rem; line-height: 1.3; }
h2 { font-size: 1.05rem; border-bottom: 1px solid var(--rule); padding-bottom: .25rem; }
.reason { margin-top: .5rem; font-weight: 600; }
.next { margin-top: .75rem; }
code { font: .95em/1.4 ui-monospace, monospace; background: rgb(0 0 0 / .28); padding: .15rem .4rem; border-radius: .25rem; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .75rem 1rem; min-width: 0; }
section.charts { background: none; border: 0; padding: 0; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); }
.chart { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .75rem 1rem; min-width: 0; }
figcaption { display: flex; justify-content: space-between; gap: .5rem; }
output { font-weight: 600; white-space: nowrap; }
svg { display: block; width: 100%; height: 6rem; margin-top: .25rem; overflow: visible; border-bottom: 1px solid var(--rule); }
.line { fill: none; stroke: var(--line); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.area { fill: var(--line); opacity: .15; }
.limit { stroke: var(--limit); stroke-width: 1.5; stroke-dasharray: 5 4; vector-effect: non-scaling-stroke; }
.axis, .empty, footer { color: var(--muted); font-size: .8rem; }
.axis { display: flex; justify-content: space-between; gap: .5rem; white-space: nowrap; }
figcaption { white-space: nowrap; }
.empty { height: 6rem; display: grid; place-items: center; text-align: center; }
dl { display: grid; grid-template-columns: minmax(7rem, 14rem) minmax(0, 1fr); gap: .15rem 1rem; margin-top: .5rem; }
dt { color: var(--muted); }
dd { overflow-wrap: anywhere; }
@media (max-width: 30rem) { dl { grid-template-columns: minmax(0, 1fr); } dd { margin-bottom: .35rem; } h1 { font-size: 1.25rem; } }
`;

/** A service that no longer answers must not look as healthy as a minute ago. */
const refresh = `
setInterval(async () => {
  try {
    const response = await fetch(location.href, { signal: AbortSignal.timeout(4000), cache: 'no-store' });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const main = page.querySelector('main');
    if (main === null) throw new Error('another page');
    document.querySelector('main').replaceWith(main);
    document.title = page.title;
  } catch {
    const header = document.querySelector('header');
    header.className = 'silent';
    header.querySelector('h1').textContent = document.title = 'The service does not answer';
  }
}, 5000)`;

export const styleElement = new Html(`<style>${css}</style>`);
export const scriptElement = new Html(`<script>${refresh}</script>`);

/**
 * Nothing is loaded, and nothing runs except the style and the script of the page.
 * https://www.w3.org/TR/CSP3/#framework-policy
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src ${hashOf(css)}`,
  `script-src ${hashOf(refresh)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
