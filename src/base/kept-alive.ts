/** Keeps the process alive while a caller awaits an operation that does not keep it alive by itself. */
import { clearInterval, setInterval } from './clock';

/** Longest delay setInterval accepts, in milliseconds; the timer only keeps the process alive. */
const longestTimerMs = 0x7fffffff;

export async function keptAlive<Value>(promise: Promise<Value>): Promise<Value> {
  const timer = setInterval(() => {}, longestTimerMs);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}
