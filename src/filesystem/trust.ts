/** Tells which users this process trusts with the files that it reads and writes. */

/** True for this user and for root. Without user ids (Windows), every user is trusted. */
export function isTrusted(uid: number): boolean {
  const own = process.geteuid?.();
  return own === undefined || uid === own || uid === 0;
}
