// Provides what every program here needs: how it was started, and the code that an error has, wherever an ORM put it.

/** 'direct': the program hands over the Database of safe-sqlite; 'itself': the ORM imports better-sqlite3. */
export const way = process.argv[2];

export function codeOf(error) {
  for (let cause = error; cause; cause = cause.cause ?? cause.driverError ?? cause.previous) {
    if (typeof cause.code === 'string' && /^SQLITE|^SAFE/.test(cause.code)) return cause.code;
  }
  return error.message;
}

/** The code of what `call` throws; 'accepted' when it throws nothing. */
export async function outcome(call) {
  try {
    await call();
    return 'accepted';
  } catch (error) {
    return codeOf(error);
  }
}
