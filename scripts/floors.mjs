// The floors of src/, lowest first: the one source of the lint rules, of the table in ARCHITECTURE.md and of the test.

/**
 * A file imports only from lower floors, or from its own folder; folders of one floor do not import each other.
 *
 * `pure`: no input or output. `also`: folders of the same floor that it may import. `onlyFrom`: the only folders that may
 * import it.
 */
export const floors = [
  { name: 'base', folders: [{ name: 'base', does: 'process-wide state, queues, small types' }] },
  { name: 'native', folders: [{ name: 'native', does: 'the one import of better-sqlite3' }] },
  {
    name: 'errors',
    folders: [{ name: 'errors', pure: true, does: 'both error families, the table of result codes, the translation' }],
  },
  {
    name: 'contracts',
    folders: [
      { name: 'sql', pure: true, does: 'tokenizer, kinds of statements, the rules for pragmas and ATTACH' },
      { name: 'events', pure: true, does: 'the typed events and their hub' },
      { name: 'options', pure: true, also: ['events'], does: 'options: checked, defaulted, frozen' },
    ],
  },
  {
    name: 'probes',
    folders: [
      { name: 'filesystem', does: 'what stores a file: mounts, devices, paths, small files beside a database' },
      { name: 'proc', does: 'processes, their descriptors and locks' },
      { name: 'format', onlyFrom: ['doctor'], does: "the bytes of SQLite's files, read by the doctor only" },
    ],
  },
  {
    name: 'policy',
    folders: [{ name: 'policy', pure: true, does: 'facts and options in, a decision with its reason out' }],
  },
  {
    name: 'connection',
    folders: [
      { name: 'connection', does: 'one native connection, its statements, commit hooks and SQL guard' },
      { name: 'registry', does: 'which file is open in this process, with which copy of SQLite' },
      { name: 'maintenance', does: 'jobs off the event loop' },
    ],
  },
  { name: 'fence', folders: [{ name: 'fence', does: 'after a failed fsync: nothing more is written' }] },
  {
    name: 'services',
    folders: [
      { name: 'checkpoint', does: 'when and how the WAL is copied into the database' },
      { name: 'writes', does: '`db.write`: group commit, savepoints, retries' },
      { name: 'readers', does: '`db.reader`: reads in processes that can be stopped' },
      { name: 'backup', does: 'backups, schedules, snapshots, `restore/`' },
      { name: 'sentinel', does: 'watches the locks and files of one connection' },
      { name: 'process-guard', does: 'wraps fs and node:sqlite, which would cancel the locks of SQLite' },
    ],
  },
  {
    name: 'assembly',
    folders: [
      { name: 'open', does: 'the steps of one open, the shared connection, its services' },
      { name: 'health', does: 'one health value, its status, its Prometheus text' },
      { name: 'doctor', does: 'one look at a file that is not opened' },
    ],
  },
  { name: 'database', folders: [{ name: 'database', does: 'what a user calls: the class, `openDatabase`, restore' }] },
  {
    name: 'entries',
    folders: [
      { name: 'register', does: '`node --import safe-sqlite/register`' },
      { name: 'nest', does: 'the NestJS module' },
      { name: 'express', does: 'the error handler, the health route, the status page' },
      { name: 'cli', does: '`npx safe-sqlite`' },
    ],
  },
];

/** Every folder with its floor, lowest floor first. */
export const folders = floors.flatMap((floor, height) => floor.folders.map(folder => ({ ...folder, height })));

/** Whether a file in the folder `from` may import one in the folder `to`. */
export function mayImport(from, to) {
  if (from === to) return true;
  const [source, target] = [from, to].map(name => folders.find(folder => folder.name === name));
  if (target.onlyFrom !== undefined) return target.onlyFrom.includes(from);
  return target.height < source.height || (source.also ?? []).includes(to);
}
