/** Formats a line of pino's JSON for a terminal: time, level, message, and a reference to the documentation. Pure. */
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

/** Returns the input unchanged if pino did not write it. */
export function terminalLine(json: string): string {
  const facts = read(json);
  if (facts === null) return json;
  const { time, level, msg } = facts;
  const clock = new Date(time).toISOString().slice(11, 19);
  const readOn = msg.includes('docs/') ? '' : ' (docs/alerts.md)';
  return `${clock} ${levels[level] ?? level} safe-sqlite: ${visible(msg)}${readOn}\n`;
}

function read(json: string): { readonly time: number; readonly level: number; readonly msg: string } | null {
  try {
    const { time, level, msg } = JSON.parse(json) as Record<string, unknown>;
    return typeof time === 'number' && typeof level === 'number' && typeof msg === 'string'
      ? { time, level, msg }
      : null;
  } catch {
    return null;
  }
}
