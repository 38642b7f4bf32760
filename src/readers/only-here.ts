/** Explains an error of a reader by what the application's connection has and a reader lacks. */
import { foldCase } from '../sql/names';

/** What SQL can use on the application's connection only. */
export interface OnlyHere {
  /** Functions, aggregates and table modules that the application has registered; lower case. */
  readonly registered: ReadonlySet<string>;
  /** The application has loaded an extension library. */
  readonly extensions: boolean;
  /** Names of the attached databases. */
  readonly attached: readonly string[];
  /** The connection has temporary tables, views or triggers, or had some. */
  readonly temporary: boolean;
}

const setup = 'readers have functions from the module that the option `readers.setup` names';
const here = 'on this connection, with `db.prepare()`';

/**
 * Returns the hint for SQL that a reader could not run: it names what occurs in the SQL, or else everything that the
 * reader lacks (of temporary tables only that there are some), because a view or a trigger may have named it. `null` if the reader lacks nothing.
 */
export function hintAboutMissing(
  sql: string,
  { registered, extensions, attached, temporary }: OnlyHere,
): string | null {
  const words = new Set(foldCase(sql).match(/[\w$\u0080-\uffff]+/g));
  const functions = [...registered].filter(name => words.has(name));
  const schemas = attached.filter(name => words.has(foldCase(name)));
  if (temporary && words.has('temp')) schemas.push('temp');
  const named = [
    ...(functions.length === 0
      ? []
      : [`${listed(functions)} ${areOrIs(functions)} registered on this connection only: ${setup}.`]),
    ...(schemas.length === 0
      ? []
      : [`${listed(schemas)} ${areOrIs(schemas)} part of this connection only: query ${itOrThem(schemas)} ${here}.`]),
  ];
  if (named.length > 0) return named.join(' ');
  // Without a table of its own the SQL reaches no view, no attached and no temporary table.
  if (!words.has('from')) return null;
  const lacks = [
    ...(registered.size === 0 ? [] : [`registered functions and tables (${listed([...registered])})`]),
    ...(extensions ? ['extensions'] : []),
    ...(attached.length === 0 ? [] : [`attached databases (${listed(attached)})`]),
    ...(temporary ? ['temporary tables'] : []),
  ];
  if (lacks.length === 0) return null;
  const functional = registered.size > 0 || extensions;
  const instead = [
    ...(functional ? [setup] : []),
    ...(attached.length > 0 || temporary ? [`query what is attached or temporary ${here}`] : []),
  ];
  return (
    `Read the message. If it names something that this connection has: a reader has the main database only, ` +
    `without the ${joined(lacks)} of this connection, also where a view uses them; ${instead.join('; ')}.`
  );
}

function listed(names: readonly string[]): string {
  return names.map(name => `\`${name}\``).join(', ');
}

function joined(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

function areOrIs(names: readonly string[]): string {
  return names.length === 1 ? 'is' : 'are';
}

function itOrThem(names: readonly string[]): string {
  return names.length === 1 ? 'it' : 'them';
}
