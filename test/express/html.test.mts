/** Whatever a health value, a plan or an error says, the pages show it as text and as nothing else. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { openDatabase } from 'safe-sqlite';
import { html } from '../../dist/express/html.js';
import { silentPage, statusPage } from '../../dist/express/status-page.js';
import { notesPage } from '../../examples/express/notes-page.mts';

const evil = `</title></style><script>alert(1)</script><img src=x onerror="alert(1)" '>&amp;\u202e\u2066\u001b]0;t\u0007\u009b31m\u0000`;
/** Whatever a terminal or a viewer acts on, but line feeds, which the pages have between their lines. */
// oxlint-disable-next-line no-control-regex -- it looks for them
const active = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029]/;

/** A copy in which each text that is not a word of this library is the evil one. */
function poisoned<Value>(value: Value, keep: readonly string[] = []): Value {
  if (typeof value === 'string') return (keep.includes(value) ? value : evil) as Value;
  if (Array.isArray(value)) return [...value, evil].map(each => poisoned<unknown>(each, keep)) as Value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, poisoned<unknown>(each, keep)]),
  ) as Value;
}

function assertInert(page: string): void {
  assert.doesNotMatch(page, active);
  assert.doesNotMatch(page, /<img|<script>alert|onerror="/);
  assert.ok(page.includes('&lt;script&gt;'), 'It is shown.');
}

describe('text of others in HTML', () => {
  test('the hazard: as it is, it becomes a part of the page', () => {
    assert.match(`<p>${evil}</p>`, /<script>alert/);
  });

  test('a value of a template is text, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constant(evil)), text => {
        const page = html`<a title="${text}">${[text, text]}</a>`.toString();
        assert.doesNotMatch(page, active);
        assert.equal(page.match(/[<>]/g)?.length, 4);
        assert.equal(page.match(/"/g)?.length, 2);
      }),
    );
  });

  for (const status of ['ok', 'degraded', 'fenced'] as const) {
    test(`the status page, ${status}: each text in the health and the plan`, () => {
      using db = openDatabase(':memory:', { logger: false });
      const warnings = [{ code: evil, message: `${evil} \`${evil}\`` }];
      const health = { ...poisoned(db.health()), status, reasons: [evil], warnings, next: evil };
      const facts = { title: evil, now: 1e12, pid: 1, samples: [] };
      assertInert(statusPage(health, poisoned(db.plan), facts).toString());
    });
  }

  test('the page of a database that cannot tell how it is', () => {
    assertInert(silentPage(evil, evil, evil, { title: evil, now: 1e12, pid: 1, samples: [] }).toString());
  });

  test('the page of the example', () => {
    const page = notesPage([{ text: evil, created: evil }], evil);
    assert.doesNotMatch(page, /<img|<script>alert|onerror="/);
    assert.ok(page.includes('&lt;script&gt;'));
    assert.doesNotMatch(page, active, 'a note turns no text around and sends no control');
  });
});
