/** Runs `npx safe-sqlite`: finds the command, runs it, prints its answer, and returns the exit code. */
import { visible, visibleJson } from '../base/terminal-text';
import { memberOf } from '../base/foreign-error';
import { backupCommand } from './backup';
import { checkpointCommand } from './checkpoint';
import { UsageError, type Command, type ExitCode, type Terminal } from './command';
import { describeError, errorFacts, isBusy, nextAfter } from './describe-error';
import { doctorCommand } from './doctor';
import { explainCommand } from './explain';
import { nearest, overview, usage } from './help';
import { parse } from './parse';
import { restoreCommand } from './restore';
import { lookAt, type Verdict } from './verdict';
import { verifyCommand } from './verify';
import { versions } from './versions';

/** In the order of the help. */
const commands: readonly Command[] = [
  doctorCommand,
  backupCommand,
  verifyCommand,
  restoreCommand,
  checkpointCommand,
  explainCommand,
];

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
  const asJson = rest.includes('--json');
  let operands: readonly string[] = [];
  try {
    const { values, positionals } = parse(command, rest);
    operands = positionals;
    if (values['help'] === true) {
      terminal.out(usage(command));
      return 0;
    }
    const { exit, json, text } = await command.run(positionals, values, terminal);
    terminal.out(asJson ? printed({ ok: exit === 0, ...json }) : `${text}\n`);
    return exit;
  } catch (error) {
    if (error instanceof UsageError) return misused(command, error, asJson, terminal);
    return failed(command, operands, error, asJson, terminal);
  }
}

/** Prints the mistake last on the screen; the usage is one command away. */
function misused(command: Command, error: UsageError, asJson: boolean, terminal: Terminal): ExitCode {
  if (asJson) terminal.out(printed({ ok: false, error: { code: 'USAGE', message: error.message } }));
  const more = command.operands.length === 0 ? '' : ` ${command.operands.join(' ')}`;
  terminal.err(
    `Usage: npx safe-sqlite ${command.name}${more} [options]   (all of it: npx safe-sqlite ${command.name} --help)\n${visible(error.message)}\n`,
  );
  return 2;
}

async function failed(
  command: Command,
  operands: readonly string[],
  error: unknown,
  asJson: boolean,
  terminal: Terminal,
): Promise<ExitCode> {
  if (isInterrupt(error, terminal.signal)) {
    if (asJson) terminal.out(printed({ ok: false, interrupted: true, error: errorFacts(error) }));
    terminal.err('Interrupted. Nothing was changed.\n');
    return 1;
  }
  const file = command.subject?.(operands, error) ?? null;
  const seen = file === null ? null : await verdictOn(file, error, terminal);
  const verdict = seen === null ? null : (command.restate?.(seen, operands, error) ?? seen);
  if (asJson) {
    const next = nextAfter(error, file, verdict);
    terminal.out(printed({ ok: false, error: errorFacts(error), verdict: verdict?.finding ?? null, next }));
  } else terminal.err(describeError(error, file, verdict));
  return 1;
}

/** A failed examination does not replace the error that is reported. */
async function verdictOn(file: string, error: unknown, terminal: Terminal): Promise<Verdict | null> {
  try {
    // The check of the pages would wait for the lock that the command has already waited for.
    return await lookAt(file, terminal, !isBusy(error));
  } catch {
    return null;
  }
}

/** True if the error is the interruption itself, or a step's error caused by it. */
function isInterrupt(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || memberOf(error, 'cause') === signal.reason);
}

function printed(value: object): string {
  return visibleJson(`${JSON.stringify(value, null, 2)}\n`);
}

/** An option where the command belongs. */
function unknownOption(name: string, terminal: Terminal): ExitCode {
  const near = nearest(name.replace(/^-+/, ''), ['help', 'version']);
  const advice = near === null ? '' : ` Did you mean \`--${near}\`?`;
  terminal.err(
    `Usage: npx safe-sqlite <command> ...   (all of them: npx safe-sqlite --help)\nThere is no option \`${visible(name)}\` before the command.${advice}\n`,
  );
  return 2;
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
  if (name.startsWith('-')) return unknownOption(name, terminal);
  const near = nearest(
    name,
    commands.map(command => command.name),
  );
  const advice = near === null ? '' : ` Did you mean \`${near}\`?`;
  terminal.err(
    `Usage: npx safe-sqlite <command> ...   (all of them: npx safe-sqlite --help)\nThere is no command \`${visible(name)}\`.${advice}\n`,
  );
  return 2;
}
