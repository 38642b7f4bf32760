/** Cuts the credentials out of a path or URL before it is quoted in an error. Pure. */

/** `user:password@` behind a scheme; one slash is left of two where the URL was taken for a path. */
const userInfo = /([a-z][a-z0-9+.-]*:\/{1,3})[^/\\?#]*@/gi;
/** The values of a query. Their names say what is missing. */
const queryValue = /([?&;][^=&;#?]{1,100}=)[^&;#]+/g;

/** `'libsql://user:secret@host/db?authToken=x'` -> `'libsql://…@host/db?authToken=…'`; a plain path as it is. */
export function withoutCredentials(path: string): string {
  return path.replace(userInfo, '$1…@').replace(queryValue, '$1…');
}
