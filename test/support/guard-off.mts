/**
 * Keeps the process guard off in a test file, and in the processes that it starts, for tests that do on purpose with `fs` what
 * the guard refuses. To be imported before a database is opened; every other test runs with the guard on.
 */
process.env['SAFE_SQLITE_PROCESS_GUARD'] = 'off';
