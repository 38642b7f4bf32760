// Old node resolution with esModuleInterop, as many projects still compile.
import Database, { InvalidOptionError, openDatabase } from 'safe-sqlite';

const db: Database.Database = new Database('app.db');
db.exec('CREATE TABLE notes(text)');
const double = db.transaction((text: string) => {
  db.prepare('INSERT INTO notes VALUES (?), (?)').run(text, text);
  return text.length * 2;
});

function refused(): string {
  try {
    openDatabase('app.db', JSON.parse('{"readOnly":true}'));
    return 'nothing';
  } catch (error) {
    return error instanceof InvalidOptionError && error instanceof TypeError ? error.code : String(error);
  }
}

const doubled: number = double.immediate('four');
const count: unknown = db.prepare('SELECT count(*) FROM notes').pluck().get();
console.log(JSON.stringify({ doubled, count, refused: refused() }));
db.close();
