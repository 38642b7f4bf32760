/** Runs tasks when a thread exits, from a single `exit` listener that stays last, after those of the application. */
import { inMicrotask } from './clock';
import { processGlobal } from './process-global';

type Task = () => void;

interface AtExit {
  readonly tasks: Set<Task>;
  add(task: Task): void;
}

/**
 * On `process`, not `globalThis`: the listeners are on `process`, and test runners give each file its own `globalThis`
 * beside one `process` (Vitest's `vmThreads` and `vmForks`). Two states there would mean two listeners.
 */
const exit = processGlobal<AtExit>('at-exit', 2, listen, process);

/** Runs `task` when the thread exits, after the application's `exit` listeners. Returns a function that cancels it. */
export function atExit(task: Task): () => void {
  exit.add(task);
  return () => exit.tasks.delete(task);
}

/** A listener that moved behind this one this often keeps itself last; it stays there. */
const returnsOfRival = 8;

/** Moves without a new listener of the application. Beyond this, another library keeps adding a new listener. */
const movesInVain = 1000;

/**
 * Listeners run in the order in which they were added. This one is moved to the end whenever another is added, because
 * an application may still write to its database in its own `exit` listener.
 *
 * Another library, or another version of this one, may do the same, and the two would move for ever. The moves are
 * therefore counted: a rival that returns with the same listener is left last, and a rival that adds a new listener
 * each time is given up on.
 */
function listen(): AtExit {
  const tasks = new Set<Task>();
  const returns = new WeakMap<object, number>();
  let listening = false;
  let moving = false;
  let most = 0;
  let inVain = 0;

  function runAll(): void {
    // A listener after this one was added in the turn that called `process.exit()`, and it may write. Nothing is closed
    // then; the next open recovers. A permanent rival is not waited for.
    const listeners = process.listeners('exit');
    if (listeners.slice(listeners.lastIndexOf(runAll) + 1).some(listener => !isRival(listener))) return;
    for (const task of tasks) {
      try {
        task();
      } catch {
        // Errors cannot be reported any more, and the other tasks still have to run.
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
