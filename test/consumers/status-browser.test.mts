// The status page in a browser: it fits, can be read, renews itself, and breaks no policy.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { statusRoute } from 'safe-sqlite/express';
import { database, served } from '../express/status-server.mts';

/** What the tests use of puppeteer, whose own types need those of a browser. */
interface Page {
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): void;
  on(event: 'pageerror', listener: (error: unknown) => void): void;
  setViewport(size: { width: number; height: number }): Promise<void>;
  emulateMediaFeatures(features: readonly { name: string; value: string }[]): Promise<void>;
  goto(url: string): Promise<unknown>;
  close(): Promise<void>;
  /** Runs in the page. */
  evaluate(script: string): Promise<unknown>;
  waitForFunction(script: string, options: { timeout: number }): Promise<unknown>;
  screenshot(options: { path: string; fullPage: boolean }): Promise<unknown>;
}

interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

interface Puppeteer {
  launch(options: { executablePath: string; args: readonly string[] }): Promise<Browser>;
}

const { default: puppeteer } = createRequire(import.meta.url)('puppeteer-core') as { default: Puppeteer };

/** Runs in the page. */
const measure = `(() => {
  const colour = (selector, name) =>
    [...getComputedStyle(document.querySelector(selector))[name].matchAll(/[\\d.]+/g)].map(Number);
  return {
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    lines: document.querySelectorAll('polyline.line').length,
    charts: document.querySelectorAll('figure').length,
    bannerTop: document.querySelector('header').getBoundingClientRect().top,
    text: colour('dd', 'color'),
    page: colour('section:not(.charts)', 'backgroundColor'),
    banner: [colour('header', 'color'), colour('header', 'backgroundColor')],
  };
})()`;

interface Measured {
  readonly overflow: number;
  readonly lines: number;
  readonly charts: number;
  readonly bannerTop: number;
  readonly text: readonly number[];
  readonly page: readonly number[];
  readonly banner: readonly [text: readonly number[], ground: readonly number[]];
}

const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(path =>
  existsSync(path),
);

describe('in a browser', { skip: chromium === undefined && 'needs chromium' }, () => {
  let browser: Browser | null = null;
  after(async () => browser?.close());

  async function open(
    t: TestContext,
    url: string,
    width: number,
    scheme: 'light' | 'dark',
  ): Promise<Page & { complaints: string[] }> {
    browser ??= await puppeteer.launch({ executablePath: chromium ?? '', args: ['--no-sandbox', '--disable-gpu'] });
    const page = await browser.newPage();
    t.after(async () => page.close());
    const complaints: string[] = [];
    page.on('console', message => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', error => void complaints.push(String(error)));
    await page.setViewport({ width, height: 844 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.goto(url);
    return Object.assign(page, { complaints });
  }

  for (const width of [360, 1280]) {
    for (const scheme of ['light', 'dark'] as const) {
      test(`${width} pixels wide, ${scheme}: it fits, can be read, and breaks no policy`, async t => {
        const db = database(t);
        const url = await served(t, db, 20);
        // Commits over several samples make lines of the points.
        for (let round = 0; round < 40; round += 1) {
          await db.write(() => db.exec('INSERT INTO t VALUES (randomblob(2000))'));
          await new Promise(resolve => setTimeout(resolve, 10));
        }
        const page = await open(t, url, width, scheme);
        const seen = (await page.evaluate(measure)) as Measured;
        if (process.env['SCREENSHOTS'] !== undefined) {
          await page.screenshot({
            path: join(process.env['SCREENSHOTS'], `status-${width}-${scheme}.png`),
            fullPage: true,
          });
        }
        assert.deepEqual(page.complaints, []);
        assert.ok(seen.overflow <= 0, `${seen.overflow} pixels too wide`);
        assert.deepEqual([seen.charts, seen.lines >= 4], [8, true]);
        assert.ok(seen.bannerTop < 40);
        assert.ok(contrast(seen.text, seen.page) >= 4.5);
        assert.ok(contrast(...seen.banner) >= 4.5);
        assert.equal(luminance(seen.page) < 0.2, scheme === 'dark');
      });
    }
  }

  test('it renews itself, and says so when the service does not answer any more', async t => {
    const db = database(t);
    const server = createServer(statusRoute(db));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const page = await open(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, 800, 'light');
    await db.write(() => db.exec('INSERT INTO t VALUES (1)'));
    await page.waitForFunction("document.body.textContent.includes('1 in 1 commit')", { timeout: 60_000 });
    server.close();
    server.closeAllConnections();
    await page.waitForFunction("document.title === 'The service does not answer'", { timeout: 60_000 });
    assert.equal(await page.evaluate("document.querySelector('header').className"), 'silent');
  });
});

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one: readonly number[], other: readonly number[]): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((left, right) => right - left);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: readonly number[]): number {
  const [red = 0, green = 0, blue = 0] = colour.map(value => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
