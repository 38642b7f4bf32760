/** `npx safe-sqlite`: finds the command, runs it, prints its answer, and says with the exit code what became of it. */
import { parseArgs } from 'node:util';
import { errorCode, errorMessage, textOf } from '../base/foreign-error';
import { backupCommand } from './backup';
import { UsageError, type Command, type CommandOptions, type GivenOptions, type Terminal } from './command';
import { restoreCommand } from './restore';
import { verifyCommand } from './verify';

/** In the order in which the help lists them. */
const commands: readonly Command[] = [backupCommand, verifyCommand, restoreCommand];

/** 0: done, and sound. 1: failed, refused, or damaged. 2: the command line is wrong. */
export type ExitCode = 0 | 1 | 2;

const common: CommandOptions = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };

/** Runs one command line, without the name of the program. Throws nothing. */
export async function main(line: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name, ...rest] = line;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal.out(overview());
    return name === undefined ? 2 : 0;
  }
  const command = commands.find(each => each.name === name);
  if (command === undefined) {
    terminal.err(`There is no command ${name}.\n\n${overview()}`);
    return 2;
  }
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
    const { ok, json, text } = await command.run(positionals, values, terminal);
    terminal.out(asJson ? `${JSON.stringify({ ok, ...json }, null, 2)}\n` : `${text}\n`);
    return ok ? 0 : 1;
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

function parse(command: Command, args: readonly string[]): { values: GivenOptions; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options: { ...common, ...command.options }, allowPositionals: true });
  } catch (error) {
    throw new UsageError(errorMessage(error));
  }
}

function errorFacts(error: unknown): object {
  const details: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'details') : undefined;
  const cause: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'cause') : undefined;
  return {
    code: errorCode(error),
    message: errorMessage(error),
    hint: textOf(error, 'hint'),
    details: details ?? {},
    cause: cause === undefined ? null : { code: errorCode(cause), message: errorMessage(cause) },
  };
}

function describeError(error: unknown): string {
  const hint = textOf(error, 'hint');
  const code = errorCode(error);
  return `${errorMessage(error)}\n${hint === null ? '' : `${hint}\n`}${code === null ? '' : `(${code})\n`}`;
}

function overview(): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(longestName)}  ${summary}`);
  return `Usage: safe-sqlite <command> ...\n\n${lines.join('\n')}\n\nsafe-sqlite <command> --help says more.\n`;
}

const longestName = Math.max(...commands.map(({ name }) => name.length));

function usage({ name, summary, operands, help }: Command): string {
  const options = [
    ...help,
    '--json                        print one JSON object',
    '--help                        print this',
  ];
  const exits = 'Exit codes: 0 done, 1 failed, refused or damaged, 2 wrong usage.';
  return `Usage: safe-sqlite ${name} ${operands.join(' ')} [options]\n\n${summary}\n\n${options.map(each => `  ${each}`).join('\n')}\n\n${exits}\n`;
}
