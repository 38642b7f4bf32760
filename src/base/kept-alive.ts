/** Keeps the process alive while somebody awaits what does not do so by itself. */

/** ms. The longest that a timer takes: it is there to be there. */
const longestTimerMs = 0x7fffffff;

export async function keptAlive<Value>(promise: Promise<Value>): Promise<Value> {
  const timer = setInterval(() => {}, longestTimerMs);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}
