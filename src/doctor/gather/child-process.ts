/** Starts the examining process, collects its facts, and kills it when a step hangs. */
import { clearTimeout, setTimeout } from '../../base/clock';
import { MaintenanceError } from '../../errors/refusals';
import { startProcess, whyNoProcess, type ProgramObstacle } from '../../native/programs';
import { childEnvironment } from '../../options/child-environment';
import type { DoctorFacts, GatherMessage, GatherRequest, StepName } from '../facts';

/** A step without facts, and why. */
export interface MissedStep {
  readonly step: StepName;
  /** `'hung'`: it did not return in time. `'not-reached'`: it comes after one that hung. */
  readonly why: 'failed' | 'hung' | 'not-reached';
  readonly code: string | null;
  readonly message: string;
}

export interface Gathered {
  readonly facts: Partial<DoctorFacts>;
  readonly missed: readonly MissedStep[];
}

export interface AskOptions {
  /** Time limit of one step, in milliseconds. */
  readonly stepTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds. Node starts in a tenth of a second; a machine in trouble takes longer. */
const startTimeoutMs = 60_000;

/** In the order of the steps: those after one that hangs are not reached. */
export const stepNames: readonly StepName[] = [
  'ground',
  'device',
  'files',
  'fence',
  'space',
  'processes',
  'header',
  'journals',
  'neighbours',
  'backups',
];

/** Rejects with `MaintenanceError` if the process cannot be started or dies, and with the signal's reason. */
export function gather(request: GatherRequest, options: AskOptions): Promise<Gathered> {
  const answer = Promise.withResolvers<Gathered>();
  const facts: Partial<Record<StepName, unknown>> = {};
  const missed: MissedStep[] = [];
  let current: StepName | null = null;
  let said = '';
  let complaints = '';
  const obstacle = whyNoProcess('doctor');
  if (obstacle !== null) throw noProcess(request.path, obstacle);
  const child = startProcess('doctor', {
    env: childEnvironment(),
    arguments: [JSON.stringify(request)],
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Without a free descriptor there are no pipes; `error` follows.
  const { stdout, stderr } = child;
  const endWith = (end: () => void): void => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
    end();
    // A process blocked on a disk may survive SIGKILL; this process does not wait for it.
    child.kill('SIGKILL');
    child.unref();
    stdout?.destroy();
    stderr?.destroy();
  };
  const finish = (): void =>
    endWith(() => {
      const known = new Set([...Object.keys(facts), ...missed.map(({ step }) => step)]);
      const rest = stepNames.filter(step => !known.has(step)).map(notReached);
      answer.resolve({ facts: facts as Partial<DoctorFacts>, missed: [...missed, ...rest] });
    });
  const onTimeout = (): void => {
    if (current === null) return onLost('did not start in time');
    missed.push(hung(current, options.stepTimeoutMs));
    finish();
  };
  const onAbort = (): void => endWith(() => answer.reject(options.signal?.reason));
  const onMessage = (message: GatherMessage): void => {
    if (message.type === 'end') return finish();
    if (message.type === 'begin') {
      current = message.step;
      clearTimeout(timer);
      timer = setTimeout(onTimeout, options.stepTimeoutMs);
    } else if (message.type === 'facts') facts[message.step] = message.facts;
    else missed.push({ step: message.step, why: 'failed', code: message.code, message: message.message });
  };
  let timer = setTimeout(onTimeout, startTimeoutMs);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted === true) onAbort();
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = `${said}${text}`.split('\n');
    said = lines.pop() ?? '';
    for (const line of lines) onMessage(JSON.parse(line) as GatherMessage);
  });
  stderr?.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const onLost = (what: string, cause?: unknown): void =>
    endWith(() =>
      answer.reject(new MaintenanceError(`The process that examines ${request.path} ${what}.`, { cause, details: {} })),
    );
  child.once('error', cause => onLost('could not be started', cause));
  child.once('close', code => onLost(`ended with code ${code}${complaints === '' ? '' : `: ${complaints.trim()}`}`));
  return answer.promise;
}

function noProcess(path: string, { kind, reason, remedy }: ProgramObstacle): MaintenanceError {
  return new MaintenanceError(`Cannot examine ${path}: the doctor runs in a process of its own, and ${reason}.`, {
    hint: `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}; or run \`npx safe-sqlite doctor\` beside the application.`,
    details: { path, kind },
  });
}

function hung(step: StepName, timeoutMs: number): MissedStep {
  return { step, why: 'hung', code: null, message: `no answer within ${timeoutMs} ms` };
}

function notReached(step: StepName): MissedStep {
  return { step, why: 'not-reached', code: null, message: 'not reached' };
}
