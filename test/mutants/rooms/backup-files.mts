/** Lists the mutants of src/backup file by file: syncs, ways back, second looks, identities, who may remove what. */
import type { Mutant } from '../mutant.mts';

type Row = readonly [name: string, promise: string, find: string, replace: string, equivalent?: string];

/** Mutants of one file that the tests of this name must notice. */
function noticed(file: string, test: string, only: string, rows: readonly Row[]): readonly Mutant[] {
  return rows.map(([name, promise, find, replace, equivalent]) => ({
    id: `backup/${name}`,
    promise,
    file: `backup/${file}`,
    find,
    replace,
    tests: [`test/${test}.test.mts`],
    only,
    ...(equivalent === undefined ? {} : { equivalent }),
  }));
}

export const backupFiles: readonly Mutant[] = [
  ...noticed('staging-folder.ts', 'backup/staging-folder', 'a sweep', [
    [
      'sweep-asks-the-lock',
      'a living copy of another container stays',
      "      if (typeof lock === 'string') return false;\n",
      '',
    ],
    [
      'sweep-own-only',
      'nothing of another user is removed',
      ' || facts === null || !isOurs(facts)) return false;',
      ' || facts === null) return false;',
    ],
    [
      'sweep-private-only',
      'a folder that others may enter is not ours',
      '    if (!isOurs(folder.stats) || (Number(folder.stats.mode) & 0o077) !== 0) return false;\n',
      '',
    ],
    [
      'sweep-dead-at-once',
      'what a dead container left goes at once',
      "(isForeign && locks && !isUnlocked && process.platform !== 'win32')",
      '(isForeign && false)',
    ],
    [
      'sweep-unlocked-later',
      'a folder that has no lock yet is left alone',
      'isForeign && locks && !isUnlocked &&',
      'isForeign && locks &&',
    ],
    [
      'sweep-locks-prove-nothing',
      'on a filesystem of another machine age decides',
      'isForeign && locks && !isUnlocked',
      'isForeign && !isUnlocked',
    ],
  ]),
  ...noticed('staging-folder.ts', 'backup/staging-folder', 'took the place of', [
    [
      'staging-identity',
      'a copy that was exchanged is not used',
      'found !== undefined && found.isFile() && sameFile(found, held)',
      'found !== undefined && held !== null',
    ],
  ]),
  ...noticed('staging-folder.ts', 'backup/backup', 'as private as its source', [
    [
      'staging-private',
      'nobody else can enter the folder of a copy',
      'mkdirSync(above.at(first), { mode: 0o700 });',
      'mkdirSync(above.at(first), { mode: 0o755 });',
    ],
  ]),
  ...noticed('file-lock.ts', 'backup/schedule', 'schedule take turns', [
    ['lock-exclusive', 'one process at a time has the lock', "db.exec('BEGIN EXCLUSIVE');", "db.exec('BEGIN');"],
  ]),
  ...noticed('file-lock.ts', 'backup/staging-folder', 'a lock file with content', [
    [
      'lock-own-file',
      'a file of another program is no lock file',
      'found.isFile() && found.size === 0n &&',
      'found.isFile() &&',
    ],
  ]),
  ...noticed('schedule.ts', 'security/altered-backups', 'a backup with other bytes', [
    [
      'retention-proof',
      'nothing is removed on the account of a changed backup',
      "        if (proof === 'unchanged') continue;",
      '        if (proof !== null) continue;',
    ],
    [
      'newest-proven',
      'a changed backup is not the last one',
      "this.#ending.signal)) !== 'changed') break;",
      'this.#ending.signal)) !== null) break;',
    ],
    [
      'unread-stays',
      'what cannot be read does not go',
      '        unproven.add(backup);\n',
      "        if (proof === 'changed') unproven.add(backup);\n",
    ],
  ]),
  ...noticed('unchanged.ts', 'security/altered-backups', 'cannot be read neither', [
    [
      'proof-not-open-here',
      'a database that is open here is not read by a descriptor',
      '!found.isFile() || backupEnvironment.isOpenHere(found)',
      '!found.isFile()',
      'the process guard, which every test here has, refuses that open as well, and what cannot be opened counts as unread',
    ],
  ]),
  ...noticed('schedule.ts', 'backup/schedule', 'fails behind its manifest', [
    [
      'failed-manifest-goes',
      'a backup that failed leaves no manifest',
      '      if (described) await rm(folder.at(basename(manifest)), { force: true }).catch(() => {});\n',
      '',
    ],
  ]),
  ...noticed('folder.ts', 'backup/schedule', 'fails behind its manifest', [
    [
      'size-counts',
      'a backup that lost bytes does not count',
      "stats.size === manifest.bytes ? 'own'",
      "stats.size >= 0 ? 'own'",
    ],
  ]),
  ...noticed('folder.ts', 'backup/schedule', 'the same name elsewhere', [
    [
      'identity-counts',
      'the backups of another database do not count',
      "  if (manifest.database !== id) return 'other';\n",
      '',
    ],
  ]),
  ...noticed('schedule-rules.ts', 'backup/schedule', 'whatever the rules say|for any backups', [
    ['newest-stays', 'the newest backup is never removed', 'Math.max(1, rules.newest)', 'rules.newest'],
    [
      'future-stays',
      'a backup of the future is kept',
      'byAge.filter(item => momentOf(item) > now),',
      'byAge.filter(() => false),',
    ],
  ]),
  ...noticed('schedule-rules.ts', 'backup/schedule', 'when a backup is due|next year', [
    [
      'future-does-not-delay',
      'one of the future does not delay the next one',
      '(each <= now ? Math.max(latest, each) : latest)',
      'Math.max(latest, each)',
    ],
  ]),
  ...noticed('manifest.ts', 'backup/durable-manifest', 'app.json|cannot be synced', [
    ['manifest-sync', 'a manifest is synced before it has its name', '    syncWritten(descriptor);\n', ''],
    ['manifest-folder-sync', 'the name of a manifest survives a power cut', '    await folder.sync();\n', ''],
    [
      'manifest-way-back',
      'a manifest whose folder cannot be synced goes again',
      '    if (placed) await rm(folder.at(name), { force: true }).catch(() => {});\n',
      '',
    ],
  ]),
  ...noticed('database-id.ts', 'backup/durable-manifest', 'backup-id', [
    ['id-sync', 'an id is synced before it has its name', '    syncWritten(descriptor);\n', ''],
    ['id-folder-sync', 'the name of an id survives a power cut', '    await folder.sync();\n', ''],
  ]),
  ...noticed('database-id.ts', 'backup/database-id', 'at the same time|cut short', [
    [
      'id-of-a-copy',
      'processes that meet one copy take one id',
      '{ id: ofCopy, newest: [] }',
      '{ id: newId(), newest: [] }',
    ],
    [
      'id-that-stands',
      'the id that stands counts',
      "    if (found.state === 'known' && found.id !== former) return { id: found.id, notice };\n",
      '',
    ],
    [
      'id-whole',
      'a write that is cut short goes on',
      'for (let done = 0; done < bytes.length;) done +=',
      'for (let done = 0; done < 1;) done +=',
      'libuv itself goes on with a write that was cut short (uv__fs_write_all), so one call writes all or fails',
    ],
  ]),
  ...noticed('identity-rules.ts', 'backup/database-id', 'what is decided|stays with the database', [
    [
      'copy-is-another',
      'a copy has an id of its own, whatever stands at its former path',
      "  if (named === 'another') return { history: 'new', reason: 'original-stands' };",
      "  if (named !== 'another') return { history: 'same', reason: 'moved' };",
    ],
  ]),
  ...noticed('database-id.ts', 'backup/database-id', 'is copied after its move|beside the database', [
    [
      'path-follows',
      'a database that was moved is known under its new path',
      "verdict.reason === 'moved' ? mayFollow :",
      "verdict.reason === 'moved' ? false :",
    ],
    [
      'note-of-another',
      'the note of a backup does not touch the id of a database that took the path',
      ' && found.text.id === id ? found.text : null',
      ' ? found.text : null',
    ],
  ]),
  ...noticed('durable-rename.ts', 'faults/backup', 'made meanwhile is not', [
    [
      'no-links-no-replace',
      'without hard links too a file that came meanwhile is not replaced',
      '      if (existsSync(to)) throw alreadyThere(to);\n',
      '',
    ],
  ]),
  ...noticed('durable-rename.ts', 'faults/durable-names', 'over a whole database: any', [
    [
      'one-name',
      'a file that is put back has one name',
      'if (found === undefined || !sameFile(found, kept)) await rename(second, first);',
      'if (found === undefined || kept !== null) await rename(second, first);',
    ],
  ]),
  ...noticed('sync-and-hash.ts', 'faults/durable-names', 'a piece of a copy', [
    [
      'piece-sync',
      'a piece whose sync failed fails the backup',
      '    await this.#pieces;\n    await this.#sync();',
      '    await this.#sync();',
    ],
  ]),
  ...noticed('backup.ts', 'backup/backup', 'refused at the last step', [
    [
      'last-look',
      'a destination that was opened meanwhile is not replaced',
      '      if (target.replaces) await refuseInUse(target.path, context.isOpenHere);\n',
      '',
    ],
    [
      'checked-is-hashed',
      'the file that was checked is the one that was hashed',
      '      refuseOtherSize(verified.header, sealed);\n',
      '',
    ],
  ]),
  ...noticed('place.ts', 'backup/backup', 'a FIFO', [
    [
      'no-file-of-a-database',
      'no backup becomes the -wal or the fence of a database',
      'return name.endsWith(suffix) || foldsCase(database, found) ? database : null;',
      'return foldsCase(database, found) ? database : null;',
    ],
  ]),
  ...noticed('destination.ts', 'backup/backup', 'the database itself', [
    [
      'not-the-source',
      'no other name of the database is replaced',
      'identity !== null && sameFile(found, identity)',
      'identity === null',
    ],
  ]),
  ...noticed('restore/steps.ts', 'backup/restore/restore', 'only idle', [
    [
      'restore-looks-again',
      'a target that was opened meanwhile is not replaced',
      '  refuseOpen(target.path, found, isOpenHere);\n',
      '',
    ],
  ]),
  ...noticed('restore/steps.ts', 'backup/restore/restore', 'cannot read is kept', [
    [
      'restore-preserves',
      'the sidecars of a database that cannot be read are kept',
      '    await preserve(target, kept, preserved);\n',
      '',
    ],
  ]),
  ...noticed('restore/steps.ts', 'backup/restore/restore', 'missing, damaged', [
    [
      'restore-not-empty',
      'an empty file is no backup',
      "  if (copied.sourceHeaders[0]?.pages === 0) problems.push('it is empty');\n",
      '',
    ],
  ]),
  ...noticed('restore/steps.ts', 'backup/restore/restore', 'does not stand the last check', [
    [
      'restore-taken-back',
      'what fails its check in place is taken back',
      '    await takeBack(swap.undo, error, target.path, swap.kept[0] ?? target.path);',
      '    throw error;',
    ],
  ]),
  ...noticed('restore/replace-database.ts', 'backup/restore/restore', 'a lock that appears', [
    [
      'restore-exclusive',
      'nobody reads the old database while it is replaced',
      "    guard.exec('BEGIN EXCLUSIVE');\n",
      '',
    ],
  ]),
  ...noticed('restore/replace-database.ts', 'faults/durable-names', 'over a whole database: the folder', [
    [
      'restore-sync-before',
      'what was removed stays removed before the new one comes',
      '      await folder.sync();\n      await rename(finished, path);',
      '      await rename(finished, path);',
    ],
  ]),
  ...noticed('restore/target.ts', 'backup/restore/restore', 'a target that is a file', [
    [
      'restore-not-a-sidecar',
      'no restore becomes the -wal of a database',
      '  if (database !== null) {',
      "  if (database === '') {",
    ],
  ]),
  ...noticed('verify-copy.ts', 'backup/verify', 'missing in the middle', [
    [
      'source-whole',
      'a copy of a file without its end is no backup',
      '...(copied.missing === null ? [] : [copied.missing]), ',
      '',
    ],
  ]),
];
