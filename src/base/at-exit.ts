/** What is done at the end of a thread, by one listener of `exit` that stays behind those of the application. */
import { processGlobal } from './process-global';

type Task = () => void;

interface AtExit {
  readonly tasks: Set<Task>;
  add(task: Task): void;
}

const exit = processGlobal<AtExit>('at-exit', 1, listen);

/** Runs `task` when the thread ends, behind the `exit` listeners of the application. Returns how to take it back. */
export function atExit(task: Task): () => void {
  exit.add(task);
  return () => exit.tasks.delete(task);
}

/**
 * Listeners run in the order in which they were added, so ours is moved behind each one that is added later: what an
 * application writes to its database there has to find it open.
 */
function listen(): AtExit {
  const tasks = new Set<Task>();
  let listening = false;
  let moving = false;

  function runAll(): void {
    // Added in the very turn that ended with `process.exit()`, which closes nothing: the next open recovers it.
    if (process.listeners('exit').at(-1) !== runAll) return;
    for (const task of tasks) {
      try {
        task();
      } catch {
        // There is nobody left to tell, and the others have their work to do.
      }
    }
  }

  function moveBehind(event: string | symbol, listener: unknown): void {
    if (event !== 'exit' || listener === runAll || moving) return;
    moving = true;
    queueMicrotask(() => {
      moving = false;
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
