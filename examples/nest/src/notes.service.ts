/** The notes, and a line of the audit for each. */
import { Injectable } from '@nestjs/common';
import { Database } from 'safe-sqlite';
import { InjectDatabase } from 'safe-sqlite/nest';

export interface Note {
  readonly id: number;
  readonly text: string;
}

export interface Report {
  readonly notes: number;
  readonly longest: number | null;
}

@Injectable()
export class Notes {
  constructor(
    @InjectDatabase() private readonly db: Database,
    @InjectDatabase('audit') private readonly audit: Database,
  ) {
    db.exec('CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)');
    audit.exec('CREATE TABLE IF NOT EXISTS lines (text TEXT NOT NULL)');
  }

  /** Resolves when both are on stable storage; concurrent calls share one commit of each database. */
  async add(text: string): Promise<number> {
    const insert = this.db.prepare('INSERT INTO notes (text) VALUES (?)');
    const id = await this.db.write(() => Number(insert.run(text).lastInsertRowid));
    await this.audit.write(() => this.audit.prepare('INSERT INTO lines VALUES (?)').run(`added ${id}`));
    return id;
  }

  /** In a reader process: however long it takes, no other request waits for it. */
  report(): Promise<Report | undefined> {
    return this.db.reader.get<Report>('SELECT count(*) AS notes, max(length(text)) AS longest FROM notes', [], {
      timeoutMs: 5000,
    });
  }

  /** One line a note, from a reader process. */
  async *lines(): AsyncGenerator<string> {
    const notes = this.db.reader.iterate<Note>('SELECT * FROM notes ORDER BY id', [], { timeoutMs: 600_000 });
    for await (const note of notes) yield `${JSON.stringify(note)}\n`;
  }

  all(): Note[] {
    return this.db.prepare<[], Note>('SELECT * FROM notes ORDER BY id').all();
  }
}
