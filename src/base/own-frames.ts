/** Lets the stack of an error begin at the line of the application that called this library. */
import { isProxy } from 'node:util/types';
import { errorName, textOf } from './foreign-error';

/** A function that is on the stack: a public member. */
export type Entry = (...parameters: never[]) => unknown;

/** What stands before the name of every module of this library in a stack; `null` in a bundle, which has one file. */
const ownPrefix = prefixOf(new Error('to see how this file is called').stack);

/** The JavaScript of better-sqlite3, which stands between this library and its addon. */
const nativeFrame = /[\\/]node_modules[\\/]better-sqlite3[\\/]lib[\\/]/;

/** A frame of no file, or of Node: it belongs to what stands around it. */
const neutralFrame = /\((?:<anonymous>|native|node:[^)]*)\)$|^at (?:<anonymous>|native|node:\S*)$/;

/** Frames of this library that a stack may have before those of the application. */
const ownFrames = 16;

/**
 * Captures the stack of `error` anew, from the caller of `entry` on. Costs nothing until the stack is read, so it is for
 * failures that a program may meet often; `entry` must be running, or the stack is empty.
 */
export function captureAt(error: object, entry: Entry): void {
  Error.captureStackTrace(error, entry);
}

/** As `captureAt` for an error that is made in here and now, by whatever member: captures, and removes our own frames. */
export function captureAtCaller(error: Error): void {
  const limit = captureDeep(error);
  if (limit !== null) beginAtCaller(error, limit);
}

/** Captures with room for our own frames; returns how many were asked for, or `null` where nothing was captured. */
function captureDeep(error: object): number | null {
  if (ownPrefix === null) return null;
  const limit: unknown = Reflect.get(Error, 'stackTraceLimit');
  if (typeof limit !== 'number' || !Reflect.set(Error, 'stackTraceLimit', limit === 0 ? 0 : limit + ownFrames)) {
    return null;
  }
  Error.captureStackTrace(error);
  Reflect.set(Error, 'stackTraceLimit', limit);
  return limit;
}

/** `error`, made in here for a wrong argument, with the stack of its caller. */
export function atCaller<Made extends Error>(error: Made): Made {
  captureAtCaller(error);
  return error;
}

/**
 * Removes the frames of this library from the beginning of a stack. An error that the application has thrown begins with
 * a frame of the application, and stays as it is; so does one whose callers are not running any more.
 */
export function beginAtCaller(error: unknown, limit = Infinity): void {
  if (ownPrefix === null || !isPlainError(error)) return;
  const stack = textOf(error, 'stack');
  if (stack === null) return;
  const begin = stack.search(/^ {4}at /m);
  if (begin === -1) return;
  const frames = stack.slice(begin).split('\n');
  const first = firstForeign(frames, ownPrefix);
  if (first === 0) return;
  const callers = first < frames.length ? frames.slice(first, first + limit) : runningCallers(ownPrefix);
  if (callers.length > 0) Reflect.set(error, 'stack', stack.slice(0, begin) + callers.join('\n'));
}

/** The same for what better-sqlite3 throws about an argument: these two classes have no other way through here. */
export function beginArgumentErrorAtCaller(error: unknown): void {
  if (isPlainError(error) && ['TypeError', 'RangeError'].includes(errorName(error))) beginAtCaller(error);
}

/** What an application throws may be anything: a proxy has traps. */
function isPlainError(error: unknown): error is Error {
  return typeof error === 'object' && error !== null && !isProxy(error) && Object.hasOwn(error, 'stack');
}

/** For a stack that our own frames have filled: who calls us now. */
function runningCallers(prefix: string): readonly string[] {
  const holder: { stack?: unknown } = {};
  const limit = captureDeep(holder);
  if (limit === null || typeof holder.stack !== 'string') return [];
  const frames = holder.stack.split('\n').filter(line => line.startsWith('    at '));
  return frames.slice(firstForeign(frames, prefix)).slice(0, limit);
}

/** The index of the first frame behind the leading ones of this library; 0 where the stack does not begin in it. */
function firstForeign(frames: readonly string[], prefix: string): number {
  let first = 0;
  for (const [index, frame] of frames.entries()) {
    if (frame.includes(prefix) || nativeFrame.test(frame)) first = index + 1;
    else if (!neutralFrame.test(frame.trim())) return first;
  }
  return frames.length;
}

/**
 * Whether the application made `error`, a function of its that SQL has called: the first frame behind those of
 * better-sqlite3 is not ours. False where nothing can be said, as in a bundle.
 */
export function isMadeByApplication(error: object): boolean {
  if (ownPrefix === null || !isPlainError(error)) return false;
  for (const frame of (textOf(error, 'stack') ?? '').split('\n')) {
    if (!frame.startsWith('    at ') || nativeFrame.test(frame) || neutralFrame.test(frame.trim())) continue;
    return !frame.includes(ownPrefix);
  }
  return false;
}

function prefixOf(stack: string | undefined): string | null {
  return /((?:file:)?[^\s(]*[\\/])base[\\/]own-frames\.[cm]?[jt]s:\d+/.exec(stack ?? '')?.[1] ?? null;
}
