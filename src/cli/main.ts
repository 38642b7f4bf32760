/** `npx safe-sqlite`: finds the command, runs it, prints its answer, and says with the exit code what became of it. */
import { parseArgs } from 'node:util';
import { errorCode, errorMessage, memberOf, textOf } from '../base/foreign-error';
import { backupCommand } from './backup';
import { checkpointCommand } from './checkpoint';
import {
  UsageError,
  type Command,
  type CommandOptions,
  type ExitCode,
  type GivenOptions,
  type Terminal,
} from './command';
import { doctorCommand } from './doctor';
import { nearestCommand, overview, usage } from './help';
import { restoreCommand } from './restore';
import { verifyCommand } from './verify';
import { versions } from './versions';

/** In the order in which the help lists them. */
const commands: readonly Command[] = [doctorCommand, backupCommand, verifyCommand, restoreCommand, checkpointCommand];

const common: CommandOptions = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };

/** Runs one command line, without the name of the program. Throws nothing. */
export async function main(line: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name, ...rest] = line;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') return help(name, rest, terminal);
  if (name === '--version' || name === '-v') {
    terminal.out(`${versions()}\n`);
    return 0;
  }
  const command = commands.find(each => each.name === name);
  if (command === undefined) return unknown(name, terminal);
  let asJson = rest.includes('--json');
  try {
    const { values, positionals } = parse(command, rest);
    asJson = values['json'] === true;
    if (values['help'] === true) {
      terminal.out(usage(command));
      return 0;
    }
    if (positionals.length !== command.operands.length) {
      throw new UsageError(`Expected ${command.operands.join(' ')}, got ${positionals.length} of them.`);
    }
    refuseEmpty(positionals, values);
    const { exit, json, text } = await command.run(positionals, values, terminal);
    terminal.out(asJson ? `${JSON.stringify({ ok: exit === 0, ...json }, null, 2)}\n` : `${text}\n`);
    return exit;
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`${error.message}\n\n${usage(command)}`);
      return 2;
    }
    if (asJson) terminal.out(`${JSON.stringify({ ok: false, error: errorFacts(error) }, null, 2)}\n`);
    else terminal.err(describeError(error));
    return 1;
  }
}

/** `safe-sqlite help verify` is `safe-sqlite verify --help`. */
function help(name: string | undefined, [about]: readonly string[], terminal: Terminal): ExitCode {
  const command = commands.find(each => each.name === about);
  if (name === 'help' && about !== undefined && command === undefined) return unknown(about, terminal);
  const write = name === undefined ? terminal.err : terminal.out;
  write(command === undefined ? overview(commands) : usage(command));
  return name === undefined ? 2 : 0;
}

function unknown(name: string, terminal: Terminal): ExitCode {
  const nearest = nearestCommand(name, commands);
  const advice = nearest === null ? '' : ` Did you mean \`${nearest}\`?`;
  terminal.err(`There is no command \`${name}\`.${advice}\n\n${overview(commands)}`);
  return 2;
}

function parse(command: Command, args: readonly string[]): { values: GivenOptions; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options: { ...common, ...command.options }, allowPositionals: true });
  } catch (error) {
    throw new UsageError(errorMessage(error));
  }
}

/** What a variable of the shell that is not set leaves. */
function refuseEmpty(positionals: readonly string[], values: GivenOptions): void {
  if (positionals.some(path => path.trim() === ''))
    throw new UsageError('Expected the path of a file, got an empty one.');
  const option = Object.keys(values).find(name => values[name] === '');
  if (option !== undefined) throw new UsageError(`Expected a value for --${option}, got an empty one.`);
}

function errorFacts(error: unknown): object {
  const details = memberOf(error, 'details');
  const cause = memberOf(error, 'cause');
  return {
    code: errorCode(error),
    message: errorMessage(error),
    hint: hintOf(error),
    details: details ?? {},
    cause: cause === undefined ? null : { code: errorCode(cause), message: errorMessage(cause) },
  };
}

/** The hints speak to the program that has the database open; this one speaks to somebody at a terminal. */
function hintOf(error: unknown): string | null {
  const isBusy = [error, memberOf(error, 'cause')].some(each => errorCode(each) === 'SQLITE_BUSY');
  return isBusy
    ? 'Another program has the database locked right now. Try again; `npx safe-sqlite doctor` with the same path says which one.'
    : textOf(error, 'hint');
}

function describeError(error: unknown): string {
  const hint = hintOf(error);
  const code = errorCode(error);
  return `${errorMessage(error)}\n${hint === null ? '' : `${hint}\n`}${code === null ? '' : `(${code})\n`}`;
}
