/** Writes the commands about files that hints and findings give, in the words of the shell of this system. */
import { win32 } from 'node:path';
import { shellWord, windowsWord } from './terminal-text';

export interface FileCommands {
  /** Lists a folder or a file, with sizes, times and rights. */
  readonly list: (path: string) => string;
  /** The same with the newest file first, where the shell has a word for it. */
  readonly listByTime: (folder: string) => string;
  /** Lists a folder itself, and not what is in it. */
  readonly listItself: (path: string) => string;
  readonly copy: (files: readonly string[], to: string) => readonly string[];
  readonly move: (files: readonly string[], to: string) => readonly string[];
  readonly remove: (file: string) => string;
  /** Searches a folder and what is below it, on the same filesystem. */
  readonly find: (folder: string, name: string) => string;
  /** Prints the free space of the filesystem of `folder`. */
  readonly freeSpace: (folder: string) => string;
}

export const posixCommands: FileCommands = {
  list: path => `ls -la ${shellWord(path)}`,
  listByTime: folder => `ls -lat ${shellWord(folder)}`,
  listItself: path => `ls -ld ${shellWord(path)}`,
  copy: (files, to) => [`cp -a ${files.map(shellWord).join(' ')} ${to}`],
  move: (files, to) => [`mv ${files.map(shellWord).join(' ')} ${to}`],
  remove: file => `rm ${shellWord(file)}`,
  find: (folder, name) => `find ${shellWord(folder)} -xdev -name ${shellWord(name)}`,
  freeSpace: folder => `df -h ${shellWord(folder)}`,
};

/** Words that `cmd.exe` and PowerShell both have. Both copy and move one file, or one pattern, with each command. */
export const windowsCommands: FileCommands = {
  list: path => `dir ${windowsWord(path)}`,
  listByTime: folder => `dir ${windowsWord(folder)}`,
  listItself: path => `dir ${windowsWord(path)}`,
  copy: (files, to) => files.map(file => `copy ${windowsWord(file)} ${to}`),
  move: (files, to) => files.map(file => `move ${windowsWord(file)} ${to}`),
  remove: file => `del ${windowsWord(file)}`,
  find: (folder, name) => `where.exe /r ${windowsWord(folder)} ${windowsWord(name)}`,
  freeSpace: folder => `fsutil volume diskfree ${windowsWord(win32.parse(folder).root)}`,
};

export const fileCommands = process.platform === 'win32' ? windowsCommands : posixCommands;
