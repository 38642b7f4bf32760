/** The way of one open, step by step: each line is a step, each step a file. */
import type { FileIdentity } from '../base/file-identity';
import { Attachments, type AdmitAttached } from '../connection/attachments';
import type { Connection } from '../connection/connection';
import { SqlDoor } from '../connection/sql-door';
import { identityAt } from '../filesystem/locate';
import { resolveOptions } from '../options/resolve';
import type { ResolvedOptions } from '../options/resolved';
import { watchConnection, type Watch } from '../sentinel/watch';
import { admit, type Admission } from './admit';
import { connect } from './connect';
import { OpenDatabase } from './open-database';
import { locateFile, planFile, planWithoutFile } from './plan';

/** `new Database(filename, options)`: a connection of its own. */
export function openOwn(filename: unknown, given: unknown): OpenDatabase {
  return openResolved(resolveOptions(filename, given));
}

export function openResolved(options: ResolvedOptions): OpenDatabase {
  return options.source.kind === 'file' ? openFile(options.source.filename, options) : openWithoutFile(options);
}

function openFile(filename: string, options: ResolvedOptions): OpenDatabase {
  const location = locateFile(filename, options);
  const plan = planFile(location, options);
  const admission = admit(location, options);
  try {
    const connection = connect(location.file, plan, options);
    return supervise(connection, location.file, filename, admission);
  } catch (error) {
    admission.release();
    throw error;
  }
}

function supervise(connection: Connection, file: string, givenName: string, admission: Admission): OpenDatabase {
  try {
    const identity = settle(admission, file);
    const watch = identity === null ? null : watchFile(connection, file, identity);
    const release = (): void => {
      watch?.stop();
      admission.release();
    };
    return assemble(connection, watch, { givenName, key: admission.key, identity, release });
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The sentinel over the file; null when it is switched off. */
function watchFile(connection: Connection, file: string, identity: FileIdentity): Watch | null {
  const { sentinel, rescueDirectory, nativeBinding } = connection.options;
  if (sentinel === 'off') return null;
  const watch = watchConnection(connection, { ...sentinel, rescueDirectory, nativeBinding });
  watch.add(file, identity);
  return watch;
}

function openWithoutFile(options: ResolvedOptions): OpenDatabase {
  const { source } = options;
  const plan = planWithoutFile(source.kind === 'temporary' ? 'temporary' : 'memory', options);
  const target = source.kind === 'buffer' ? source.buffer : source.filename;
  const givenName = source.kind === 'buffer' ? ':memory:' : source.filename;
  return assemble(connect(target, plan, options), null, { givenName, key: '', identity: null, release: () => {} });
}

interface Admitted {
  readonly givenName: string;
  readonly key: string;
  readonly identity: FileIdentity | null;
  readonly release: () => void;
}

function assemble(connection: Connection, watch: Watch | null, admitted: Admitted): OpenDatabase {
  const attachments = new Attachments(connection, admitAttached(connection.options, watch));
  // Not before the caller had the chance to listen.
  queueMicrotask(() => warn(connection));
  return new OpenDatabase({ connection, attachments, door: new SqlDoor(connection, attachments), watch, ...admitted });
}

function warn({ plan, hub }: Connection): void {
  for (const { code, message } of plan.warnings) hub.publish('warning', { code, message, details: {} });
}

/** SQLite has created the file by now: which one it is becomes known. */
function settle(admission: Admission, file: string): FileIdentity | null {
  const identity = identityAt(file);
  if (identity !== null) admission.settle(identity);
  return identity;
}

/** An attached file goes the way of an open up to the connection: it is the connection that it is attached to. */
function admitAttached(options: ResolvedOptions, watch: Watch | null): AdmitAttached {
  return filename => {
    const trimmed = filename.trim();
    if (trimmed === '' || trimmed === ':memory:') return { filename: trimmed, settle: () => {}, release: () => {} };
    const location = locateFile(filename, options);
    planFile(location, { ...options, fileMustExist: false });
    const admission = admit(location, options);
    return {
      filename: location.file,
      settle: () => {
        const identity = settle(admission, location.file);
        if (identity !== null) watch?.add(location.file, identity);
      },
      release: () => {
        watch?.remove(location.file);
        admission.release();
      },
    };
  };
}
