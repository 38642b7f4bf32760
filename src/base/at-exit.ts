/** Runs tasks at the end of a thread, from one listener of `exit` that stays behind those of the application. */
import { inMicrotask } from './clock';
import { processGlobal } from './process-global';

type Task = () => void;

interface AtExit {
  readonly tasks: Set<Task>;
  add(task: Task): void;
}

/**
 * On `process` and not on `globalThis`: the listeners are on `process`, and test runners give each file a `globalThis` of
 * its own beside one `process` (Vitest's `vmThreads` and `vmForks`). Two states there are two listeners.
 */
const exit = processGlobal<AtExit>('at-exit', 2, listen, process);

/** Runs `task` when the thread ends, behind the `exit` listeners of the application. Returns how to take it back. */
export function atExit(task: Task): () => void {
  exit.add(task);
  return () => exit.tasks.delete(task);
}

/** A listener that came back behind ours this often keeps itself last: it stays there. */
const returnsOfRival = 8;

/** Moves without a further listener of the application. Beyond, something puts a new listener behind ours each time. */
const movesInVain = 1000;

/**
 * Listeners run in the order in which they were added, so ours is moved behind each one that is added later: what an
 * application writes to its database there has to find it open.
 *
 * Another library may do the same with a listener of its own, or another version of this one; two that answer each other
 * never end. So the moves are counted: a rival that returns with the same listener stays last, and against one that
 * returns with another listener each time the moves end.
 */
function listen(): AtExit {
  const tasks = new Set<Task>();
  const returns = new WeakMap<object, number>();
  let listening = false;
  let moving = false;
  let most = 0;
  let inVain = 0;

  function runAll(): void {
    // Behind ours stands what was added in the very turn that ended with `process.exit()`, and it may write. So nothing
    // is closed: the next open recovers it. A rival stands there for good and is not waited for.
    const listeners = process.listeners('exit');
    if (listeners.slice(listeners.lastIndexOf(runAll) + 1).some(listener => !isRival(listener))) return;
    for (const task of tasks) {
      try {
        task();
      } catch {
        // There is nobody left to tell, and the others have their work to do.
      }
    }
  }

  function isRival(listener: object): boolean {
    return (returns.get(listener) ?? 0) >= returnsOfRival;
  }

  function moveBehind(event: string | symbol, listener: unknown): void {
    if (event !== 'exit' || listener === runAll || typeof listener !== 'function' || moving) return;
    returns.set(listener, (returns.get(listener) ?? -1) + 1);
    if (isRival(listener) || inVain >= movesInVain) return;
    moving = true;
    inMicrotask(() => {
      moving = false;
      const count = process.listenerCount('exit');
      inVain = count > most ? 0 : inVain + 1;
      most = Math.max(most, count);
      process.off('exit', runAll);
      process.on('exit', runAll);
    });
  }

  return {
    tasks,
    add(task) {
      tasks.add(task);
      if (listening) return;
      listening = true;
      process.on('exit', runAll);
      process.on('newListener', moveBehind);
    },
  };
}
