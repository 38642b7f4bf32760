/**
 * Reads Prometheus text by the rules of the format, and throws where a scrape would fail or mix families up.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import assert from 'node:assert/strict';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

export function parsePrometheus(text: string): Map<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line must end with a line feed');
  const families = new Map<string, Family & { samples: Sample[] }>();
  let current: (Family & { samples: Sample[] }) | null = null;
  let help: { name: string; text: string } | null = null;
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment !== null) {
      const [, what, name = '', rest = ''] = comment;
      if (what === 'HELP') {
        assert.equal(help, null, 'a HELP without its TYPE');
        help = { name, text: rest };
        continue;
      }
      assert.equal(help?.name, name, `TYPE of ${name} without its HELP`);
      assert.ok(!families.has(name), `${name} is declared twice`);
      assert.match(rest, /^(counter|gauge|histogram|summary|untyped)$/);
      current = { name, type: rest, help: help?.text ?? '', samples: [] };
      families.set(name, current);
      help = null;
      continue;
    }
    const sample =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\} (\S+)$/.exec(line);
    assert.ok(sample !== null && current !== null, `not a line of the format: ${line}`);
    const [, name = '', rest = '', value = ''] = sample;
    const suffixes = current.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    assert.ok(
      suffixes.some(suffix => name === `${current?.name}${suffix}`),
      `${name} among the samples of ${current.name}`,
    );
    assert.match(value, /^[+-]?(\d+(\.\d+)?(e[+-]?\d+)?|Inf|NaN)$/, line);
    const labels = Object.fromEntries(
      [...rest.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/g)].map(([, key = '', raw = '']) => [
        key,
        raw.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char)),
      ]),
    );
    current.samples.push({ name, labels, value: Number(value) });
  }
  for (const family of families.values()) check(family);
  return families;
}

function check({ name, type, samples }: Family): void {
  assert.ok(samples.length > 0, `${name} has no sample`);
  const seen = samples.map(sample => `${sample.name}${Object.entries(sample.labels).map(String).toSorted().join()}`);
  assert.equal(new Set(seen).size, seen.length, `${name} has a sample twice`);
  if (type === 'counter') assert.match(name, /_total$/);
  if (type !== 'histogram') return;
  for (const { labels, value } of samples.filter(sample => sample.name === `${name}_count`)) {
    const buckets = samples.filter(
      sample => sample.name === `${name}_bucket` && sample.labels['database'] === labels['database'],
    );
    const bounds = buckets.map(({ labels: { le = '' } }) => (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)));
    assert.deepEqual(
      bounds,
      bounds.toSorted((a, b) => a - b),
    );
    const counts = buckets.map(bucket => bucket.value);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
      `${name} must be cumulative`,
    );
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY);
    assert.equal(counts.at(-1), value);
  }
}
