// The CommonJS half: import = require(), and types from the namespace of the constructor.
import Database = require('safe-sqlite');

interface Note {
  id: number;
  text: string;
}

class Store {
  readonly #db: Database.Database;
  readonly #insert: Database.Statement<{ text: string }>;

  constructor(db: Database.Database) {
    this.#db = db.exec("CREATE TABLE IF NOT EXISTS notes(id INTEGER PRIMARY KEY, text TEXT CHECK (text <> ''))");
    this.#insert = db.prepare<{ text: string }>('INSERT INTO notes(text) VALUES (@text)');
  }

  add(text: string): Database.RunResult {
    return this.#insert.run({ text });
  }

  all(): Note[] {
    return this.#db.prepare<[], Note>('SELECT * FROM notes ORDER BY id').all();
  }
}

export = Store;
