/** Keeps the process alive while somebody awaits what does not do so by itself. */
import { clearInterval, setInterval } from './clock';

/** The longest delay that setInterval takes, in milliseconds: the timer only keeps the process alive. */
const longestTimerMs = 0x7fffffff;

export async function keptAlive<Value>(promise: Promise<Value>): Promise<Value> {
  const timer = setInterval(() => {}, longestTimerMs);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}
