/** The service: an Express 5 application over one database. No state of its own but the prepared statements. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type Express, type Response } from 'express';
import type { Database } from 'safe-sqlite';
import { answerForError, healthRoute, sqliteErrorHandler, statusRoute } from 'safe-sqlite/express';
import { notesPage } from './notes-page.mts';

interface Note {
  readonly id: number;
  readonly text: string;
  readonly created: string;
}

interface Day {
  readonly day: string;
  readonly notes: number;
  readonly longest: number;
}

const days = `
  SELECT substr(created, 1, 10) AS day, count(*) AS notes, max(length(text)) AS longest
  FROM notes WHERE text LIKE @prefix GROUP BY day ORDER BY day`;

/** Longest note, in UTF-16 code units. */
const longestNote = 10_000;

export function createApp(db: Database): Express {
  db.exec(`CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE,
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
  )`);
  const insert = db.prepare<[string], Note>('INSERT INTO notes (text) VALUES (?) RETURNING *');
  const byId = db.prepare<[number], Note>('SELECT * FROM notes WHERE id = ?');
  const newest = db.prepare<[number], Note>('SELECT * FROM notes ORDER BY id DESC LIMIT ?');
  const remove = db.prepare<[number]>('DELETE FROM notes WHERE id = ?');

  const app = express();
  app.use(express.json({ limit: '100kb' }));
  app.use(express.urlencoded({ extended: false, limit: '100kb' }));

  app.get('/notes', (request, response) => {
    const limit = Math.min(Math.max(Number(request.query['limit'] ?? 20) || 20, 1), 100);
    response.json(newest.all(limit));
  });

  app.get('/notes/:id', (request, response) => {
    const note = byId.get(Number(request.params.id));
    if (note === undefined) response.status(404).json({ error: 'no such note' });
    else response.json(note);
  });

  app.post('/notes', async (request, response) => {
    const text: unknown = (request.body as { text?: unknown } | undefined)?.text;
    if (typeof text !== 'string' || text === '' || text.length > longestNote) {
      response.status(400).json({ error: `"text" must be a string of 1 to ${longestNote} characters` });
      return;
    }
    // Requests that arrive together share one commit. When this answer leaves, the note is on stable storage.
    response.status(201).json(await db.write(() => insert.get(text)));
  });

  app.delete('/notes/:id', async (request, response) => {
    const { changes } = await db.write(() => remove.run(Number(request.params.id)));
    response.status(changes === 1 ? 204 : 404).end();
  });

  app.get('/report', async (request, response) => {
    const { signal, done } = untilGone(response);
    try {
      // In a process of its own: no other request waits for it, and it ends with the client or after five seconds.
      const { prefix } = request.query;
      response.json(
        await db.reader.all<Day>(
          days,
          { prefix: `${typeof prefix === 'string' ? prefix : ''}%` },
          { timeoutMs: 5000, maxRows: 10_000, signal },
        ),
      );
    } finally {
      done();
    }
  });

  app.get('/export', async (_request, response) => {
    const { signal, done } = untilGone(response);
    try {
      const notes = db.reader.iterate<Note>('SELECT * FROM notes ORDER BY id', [], { timeoutMs: 600_000, signal });
      response.type('application/x-ndjson');
      // One line a note. A client that reads slowly keeps the reader waiting, not the notes in memory.
      await pipeline(Readable.from(lines(notes)), response, { signal });
    } catch (error) {
      // The client is gone, or the answer was cut off: no client is left to answer.
      if (!signal.aborted && !response.headersSent) throw error;
    } finally {
      done();
    }
  });

  app.get('/', (_request, response) => {
    response
      .set('cache-control', 'no-store')
      .type('html')
      .send(notesPage(newest.all(20), null));
  });
  app.post('/', async (request, response) => {
    const text: unknown = (request.body as { text?: unknown } | undefined)?.text;
    if (typeof text !== 'string' || text === '' || text.length > longestNote) {
      response
        .status(400)
        .type('html')
        .send(notesPage(newest.all(20), 'A note has 1 to 10 000 characters.'));
      return;
    }
    try {
      await db.write(() => insert.get(text));
      // Loading the page again must not store the note again.
      response.redirect(303, '/');
    } catch (error) {
      const answer = answerForError(error);
      if (answer === null) throw error;
      response
        .status(answer.status)
        .type('html')
        .send(notesPage(newest.all(20), String(answer.body['message'])));
    }
  });
  // It names files: in a service that others can reach, put a login before it.
  app.get('/status', statusRoute(db, { title: 'notes' }));
  app.get('/plan', (_request, response) => {
    response.json(db.plan);
  });
  app.get('/health', healthRoute(db));
  app.get('/metrics', (_request, response) => {
    response.type('text/plain').send(db.metrics('notes'));
  });

  app.use(sqliteErrorHandler());
  return app;
}

async function* lines(rows: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(row)}\n`;
}

/** A signal that aborts when the client is gone before its answer. */
function untilGone(response: Response): { readonly signal: AbortSignal; readonly done: () => void } {
  const gone = new AbortController();
  const abort = (): void => gone.abort();
  response.once('close', abort);
  return { signal: gone.signal, done: () => response.off('close', abort) };
}
