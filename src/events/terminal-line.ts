/** Formats a line of pino's JSON for a terminal: time, level, message, and the command that explains it. Pure. */
import { textOf } from '../base/foreign-error';
import { visible } from '../base/terminal-text';

/** https://getpino.io/#/docs/api?id=loggerlevels-object */
const levels: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};

/** The command that every hint names: it needs no network. */
const readOnWith = 'npx safe-sqlite explain';

/** Returns the input unchanged if pino did not write it. */
export function terminalLine(json: string): string {
  const facts = read(json);
  if (facts === null) return json;
  const { time, level, msg, code } = facts;
  const clock = new Date(time).toISOString().slice(11, 19);
  const readOn = msg.includes(readOnWith) ? '' : ` (${readOnWith} ${code ?? 'alerts'})`;
  return `${clock} ${levels[level] ?? level} safe-sqlite: ${visible(msg)}${readOn}\n`;
}

interface LogLine {
  readonly time: number;
  readonly level: number;
  readonly msg: string;
  /** Of the warning or of the error that the line is about. */
  readonly code: string | null;
}

function read(json: string): LogLine | null {
  try {
    const { time, level, msg, code, err } = JSON.parse(json) as Record<string, unknown>;
    return typeof time === 'number' && typeof level === 'number' && typeof msg === 'string'
      ? { time, level, msg, code: codeOf(code) ?? codeOf(textOf(err, 'code')) }
      : null;
  } catch {
    return null;
  }
}

/** A word that a shell takes as it stands. */
function codeOf(value: unknown): string | null {
  return typeof value === 'string' && /^[\w-]+$/.test(value) ? value : null;
}
