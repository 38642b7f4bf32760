/** The way of one open, step by step: each line is a step, each step a file. */
import type { FileIdentity } from '../base/file-identity';
import { Attachments, type AdmitAttached, type AttachTicket } from '../connection/attachments';
import type { Connection } from '../connection/connection';
import { forgetFault, refuseFenced } from '../fence/fence';
import type { Location } from '../filesystem/locate';
import { quoted } from '../connection/set-pragmas';
import { SqlDoor } from '../connection/sql-guard';
import { translateError } from '../errors/translate';
import { identityAt } from '../filesystem/locate';
import { resolveOptions } from '../options/resolve';
import type { ResolvedOptions } from '../options/resolved';
import type { Plan } from '../policy/plan';
import { admit, keyOf, type Admission } from './admit';
import { connect } from './connect';
import { copyGuard } from './vacuum-into';
import { OpenDatabase } from './shared-connection';
import { locateFile, planFile, planWithoutFile } from './plan';
import { Supervision, type SupervisedFile } from './services';

/** `new Database(filename, options)`: a connection of its own. */
export function openOwn(filename: unknown, given: unknown): OpenDatabase {
  return openResolved(resolveOptions(filename, given));
}

export function openResolved(options: ResolvedOptions): OpenDatabase {
  return options.source.kind === 'file' ? openFile(options.source.filename, options) : openWithoutFile(options);
}

function openFile(filename: string, options: ResolvedOptions): OpenDatabase {
  const location = locateFile(filename, options);
  const planned = planFile(location, options);
  // Only now: looking for the fence marker on ground that the plan refuses could hang.
  const fenced = refuseFenced({ key: keyOf(location), file: location.file }, options.readonly);
  const plan = withWarning(planned, fenced);
  const admission = admit(location, options);
  try {
    const key = (): string => settle(admission, location.file).key;
    const connection = connect({ target: location.file, key, plan, options });
    return supervise(connection, location, filename, admission);
  } catch (error) {
    admission.release();
    throw error;
  }
}

function supervise(connection: Connection, location: Location, givenName: string, admission: Admission): OpenDatabase {
  const { file } = location;
  const supervision = new Supervision(connection);
  try {
    const main = supervisedFile(connection, 'main', location, admission);
    supervision.add(main);
    return assemble(connection, supervision, { givenName, file: main, release: () => admission.release() });
  } catch (error) {
    supervision.close();
    throw translateError(error, { file, operation: 'open' });
  }
}

function openWithoutFile(options: ResolvedOptions): OpenDatabase {
  const { source } = options;
  const plan = planWithoutFile(source.kind === 'temporary' ? 'temporary' : 'memory', options);
  const target = source.kind === 'buffer' ? source.buffer : source.filename;
  const givenName = source.kind === 'buffer' ? ':memory:' : source.filename;
  const connection = connect({ target, key: () => '', plan, options });
  return assemble(connection, new Supervision(connection), { givenName, file: null, release: () => {} });
}

interface Admitted {
  readonly givenName: string;
  readonly file: SupervisedFile | null;
  readonly release: () => void;
}

function assemble(connection: Connection, supervision: Supervision, admitted: Admitted): OpenDatabase {
  const attachments = new Attachments(connection, admitAttached(connection, supervision));
  // Not before the caller had the chance to listen.
  queueMicrotask(() => warn(connection));
  const door = new SqlDoor(connection, attachments, copyGuard(connection.options));
  return new OpenDatabase({ connection, attachments, door, supervision, ...admitted });
}

function warn({ plan, hub }: Connection): void {
  for (const { code, message } of plan.warnings) hub.publish('warning', { code, message, details: {} });
}

function withWarning(plan: Plan, fenced: string | null): Plan {
  if (fenced === null) return plan;
  return { ...plan, warnings: [...plan.warnings, { code: 'fenced', message: fenced }] };
}

/** SQLite has created the file by now: which one it is becomes known. */
function settle(admission: Admission, file: string): { identity: FileIdentity | null; key: string } {
  const identity = identityAt(file);
  if (identity !== null) admission.settle(identity);
  return { identity, key: admission.key };
}

function supervisedFile(
  connection: Connection,
  schema: string,
  { file, identity }: Location,
  admission: Admission,
): SupervisedFile {
  const { native, verbose } = connection;
  const ask = (): unknown => native.pragma(`${quoted(schema)}.journal_mode`, { simple: true });
  const settled = settle(admission, file);
  if (identity === null) forgetFault(settled.key);
  return { schema, file, ...settled, journalMode: String(verbose.quietly(ask)) };
}

/** An attached file goes the way of an open up to the connection: it is the connection that it is attached to. */
function admitAttached(connection: Connection, supervision: Supervision): AdmitAttached {
  const { options } = connection;
  return (filename, schema) => {
    const trimmed = filename.trim();
    if (trimmed === '' || trimmed === ':memory:') return withoutFile(trimmed);
    const location = locateFile(filename, options);
    planFile(location, { ...options, fileMustExist: false });
    refuseFenced({ key: keyOf(location), file: location.file }, options.readonly);
    const admission = admit(location, options);
    return {
      filename: location.file,
      settle: () => supervision.add(supervisedFile(connection, schema, location, admission)),
      aroundDetach: detach => supervision.aroundDetach(schema, detach),
      release: () => {
        supervision.remove(schema);
        admission.release();
      },
    };
  };
}

function withoutFile(filename: string): AttachTicket {
  return { filename, settle: () => {}, aroundDetach: detach => detach(), release: () => {} };
}
