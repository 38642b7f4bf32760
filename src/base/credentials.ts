/** Removes credentials from a path or URL before an error quotes it. Pure. */

/** `user:password@` after a scheme. Only one of the two slashes is left if the URL was normalized as a path. */
const userInfo = /([a-z][a-z0-9+.-]*:\/{1,3})[^/\\?#]*@/gi;
/** The values of a query string. The names stay, to show what was removed. */
const queryValue = /([?&;][^=&;#?]{1,100}=)[^&;#]+/g;

/** `'libsql://user:secret@host/db?authToken=x'` -> `'libsql://…@host/db?authToken=…'`; a plain path is unchanged. */
export function withoutCredentials(path: string): string {
  return path.replace(userInfo, '$1…@').replace(queryValue, '$1…');
}

/** A URL, with a scheme of two letters at least and two slashes, that has a user, a password or a query with values. */
export function isUrlWithCredentials(path: string): boolean {
  return /^\s*[a-z][a-z0-9+.-]+:\/\//i.test(path) && withoutCredentials(path) !== path;
}
