/** Lists the commands that save what is left of a damaged database, and restore a backup. Pure. */
import { fileCommands } from '../../base/file-commands';
import { shellWord } from '../../base/terminal-text';
import type { CheckInput } from './subject';

/** First a copy of all its files, then the newest known backup in its place. */
export function salvageCommands(input: Pick<CheckInput, 'file' | 'facts'>): readonly string[] {
  return [...copyAside(input), restoreCommand(input)];
}

/** Copies the database with every sidecar that exists. */
export function copyAside({ file, facts }: Pick<CheckInput, 'file' | 'facts'>): readonly string[] {
  const { sidecars = [] } = facts.files ?? {};
  return fileCommands.copy([file, ...sidecars.map(({ path }) => path)], '<other storage>');
}

/** The newest backup that matches its manifest; a placeholder if none is known. */
export function restoreCommand({ file, facts }: Pick<CheckInput, 'file' | 'facts'>): string {
  const whole = facts.backups?.backups.filter(({ manifest, bytes }) => manifest === null || manifest.bytes === bytes);
  const newest = whole?.at(-1)?.path;
  return `npx safe-sqlite restore ${newest === undefined ? '<backup>' : shellWord(newest)} ${shellWord(file)}`;
}
