/**
 * Entry point of the process that examines a database for `diagnose`.
 *
 * It is a separate process for two reasons: it reads bytes of the files, and closing them here cancels no lock of the
 * parent; and it can be killed if a mount or a disk does not answer.
 */
import { errorCode, errorMessage } from '../base/foreign-error';
import type { GatherMessage, GatherRequest, StepName } from './facts';
import { steps } from './gather/steps';

async function look(request: GatherRequest): Promise<void> {
  for (const step of Object.keys(steps) as StepName[]) {
    say({ type: 'begin', step });
    try {
      say({ type: 'facts', step, facts: await steps[step](request) });
    } catch (error) {
      say({ type: 'failed', step, code: errorCode(error), message: errorMessage(error) });
    }
  }
  say({ type: 'end' });
}

/** Written at once and completely: the next step may hang. */
function say(message: GatherMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

void look(JSON.parse(process.argv.at(-1) ?? '') as GatherRequest);
