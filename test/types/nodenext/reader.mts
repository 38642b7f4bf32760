// `db.reader`: rows have the type that the call names, parameters and options are those of the docs.
import { openDatabase, type Database } from 'safe-sqlite';

interface Sale {
  readonly day: string;
  readonly amount: number;
}

export async function read(db: Database = openDatabase('app.db')): Promise<readonly unknown[]> {
  const { signal } = new AbortController();
  const all: readonly Sale[] = await db.reader.all<Sale>(
    'SELECT day, amount FROM sales WHERE day >= ?',
    ['2026-01-01'],
    {
      timeoutMs: 5000,
      maxRows: 1000,
      maxBytes: 1_000_000,
      signal,
    },
  );
  const one: Sale | undefined = await db.reader.get<Sale>('SELECT day, amount FROM sales WHERE day = $day', {
    day: 'x',
  });
  const big: { readonly n: bigint } | undefined = await db.reader.get<{ readonly n: bigint }>(
    'SELECT 1 AS n',
    [1n, Buffer.from('')],
    {
      safeIntegers: true,
    },
  );
  const lists: readonly [string, number][] = await db.reader.all<[string, number]>(
    'SELECT day, amount FROM sales',
    [],
    { rows: 'arrays' },
  );
  const days: string[] = [];
  for await (const { day } of db.reader.iterate<Sale>('SELECT day, amount FROM sales')) days.push(day);
  const count: number = await db.reader.snapshot(async reader => {
    const rows: readonly Sale[] = await reader.all<Sale>('SELECT day, amount FROM sales');
    return rows.length;
  });
  // @ts-expect-error -- `get` may find nothing
  const surely: Sale = await db.reader.get<Sale>('SELECT 1');
  // @ts-expect-error -- misspelt
  await db.reader.all('SELECT 1', [], { timeout: 5 });
  // @ts-expect-error -- no such shape of rows
  await db.reader.all('SELECT 1', [], { rows: 'columns' });
  // @ts-expect-error -- a Date is no value of SQLite
  await db.reader.all('SELECT ?', [new Date()]);
  return [all, one, big, lists, days, count, surely];
}
