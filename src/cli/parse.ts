/** Parses the options and operands of one command, and reports what is wrong with them. */
import { parseArgs } from 'node:util';
import { errorMessage } from '../base/foreign-error';
import { UsageError, type Command, type CommandOptions, type GivenOptions } from './command';
import { nearest } from './help';

const common: CommandOptions = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };

export interface ParsedLine {
  readonly values: GivenOptions;
  readonly positionals: readonly string[];
}

export function parse(command: Command, args: readonly string[]): ParsedLine {
  const options: CommandOptions = { ...common, ...command.options };
  refuseUnknown(args, options);
  const { values, positionals } = strictly(args, options);
  if (values['help'] === true) return { values, positionals };
  const wanted = command.operands.length;
  if (positionals.length !== wanted) {
    const given = positionals.length === 0 ? 'none' : positionals.map(each => `\`${each}\``).join(', ');
    throw new UsageError(`Expected ${command.operands.join(' ')}, got ${given}.`);
  }
  refuseEmpty(positionals, values);
  return { values, positionals };
}

/** Before the strict parser, whose message suggests no near name. */
function refuseUnknown(args: readonly string[], options: CommandOptions): void {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    const option = options[name];
    if (option === undefined) {
      const near = nearest(name, Object.keys(options));
      const given = args[token.index] ?? rawName;
      // Node reads `-app.db` as the options -a, -p and so on.
      const isPath = /^-[^-].*[./]/.test(given);
      const advice = near === null ? '' : ` Did you mean \`--${near}\`?`;
      throw new UsageError(
        isPath
          ? `There is no option \`${given}\`. A file of that name is \`./${given}\`.`
          : `There is no option \`${rawName}\`.${advice}`,
      );
    }
    if (option.type === 'string' && value === undefined) throw new UsageError(`\`${rawName}\` needs a value.`);
    if (option.type === 'boolean' && value !== undefined) {
      throw new UsageError(`\`${rawName}\` takes no value, got \`${value}\`.`);
    }
  }
}

function strictly(args: readonly string[], options: CommandOptions): { values: GivenOptions; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(errorMessage(error));
  }
}

/** An unset shell variable leaves an empty argument. */
function refuseEmpty(positionals: readonly string[], values: GivenOptions): void {
  if (positionals.some(path => path.trim() === ''))
    throw new UsageError('Expected the path of a file, got an empty one.');
  const option = Object.keys(values).find(name => values[name] === '');
  if (option !== undefined) throw new UsageError(`Expected a value for --${option}, got an empty one.`);
}
