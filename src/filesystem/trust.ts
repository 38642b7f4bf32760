/** Says which users this process trusts with the files that it reads and writes. */

/** True for this user and for root. Where there are no user ids (Windows), everybody is trusted. */
export function isTrusted(uid: number): boolean {
  const own = process.geteuid?.();
  return own === undefined || uid === own || uid === 0;
}
