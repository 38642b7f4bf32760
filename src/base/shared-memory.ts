/**
 * Gives the threads of this process one piece of memory by its name. Each thread has its own `globalThis`; the only thing
 * that a thread passes to every worker it starts is its environment data.
 */
import { isSharedArrayBuffer } from 'node:util/types';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/**
 * Returns the memory called `name`, filled with zeros by the first thread that asks for it. It reaches the workers that
 * this thread starts afterwards, and their workers; workers started earlier have a memory of their own.
 */
export function sharedMemory(name: string, bytes: number): SharedArrayBuffer {
  const inherited: unknown = getEnvironmentData(name);
  // Not `instanceof`: test runners give modules the globals of another realm.
  if (isSharedArrayBuffer(inherited)) return inherited;
  const created = new SharedArrayBuffer(bytes);
  setEnvironmentData(name, created);
  return created;
}
