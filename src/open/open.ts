/** Opens one database step by step: each line is a step, each step a file. */
import { inMicrotask } from '../base/clock';
import { quotedName } from '../base/sql-name';
import type { FileIdentity } from '../base/file-identity';
import { Attachments, type AdmitAttached, type AttachTicket } from '../connection/attachments';
import type { Connection } from '../connection/connection';
import { adviceOf } from '../filesystem/refused-file';
import { forgetFault, refuseFenced } from '../fence/fence';
import type { Location } from '../filesystem/locate';
import { SqlGuard } from '../connection/sql-guard';
import { translateError } from '../errors/translate';
import { isFirstFor } from '../events/logged-once';
import { identityAt } from '../filesystem/locate';
import type { OpenedFiles } from '../proc/opened-files';
import { movedFrom } from '../registry/path-targets';
import { whyNoThread } from '../native/programs';
import { resolveOptions } from '../options/resolve';
import type { ResolvedOptions } from '../options/resolved';
import { jobsOnEventLoop } from '../policy/event-loop-jobs';
import type { Plan, PlanWarning } from '../policy/plan';
import { guardByDefault } from '../process-guard/install';
import { admitToRegistry, keyOf, type Admission } from './admit';
import { connect, type Connected, type ConnectRequest } from './connect';
import { suspectWal, type WalSuspicion } from '../filesystem/wal-age';
import { refuseSidecarInStatement, refuseSidecarName } from './sidecar-names';
import { clearLeftovers } from './leftovers';
import { foreignWalFailure, judgeSuspectAttached, judgeSuspectWal } from './foreign-wal';
import { vacuumIntoGuard } from './vacuum-into';
import { SharedConnection } from './shared-connection';
import { locateFile, planFile, planWithoutFile } from './plan';
import { ConnectionServices, type ConnectionFile } from './services';

/** Implements `new Database(filename, options)`: a connection of its own. */
export function openOwn(filename: unknown, given: unknown): SharedConnection {
  return openResolved(resolveOptions(filename, given));
}

export function openResolved(options: ResolvedOptions): SharedConnection {
  return options.source.kind === 'file' ? openFile(options.source.filename, options) : openWithoutFile(options);
}

function openFile(filename: string, options: ResolvedOptions): SharedConnection {
  const located = locateFile(filename, options);
  refuseSidecarName(located.file);
  const leftovers = clearLeftovers(located, options);
  const location = leftovers === null ? located : locateFile(filename, options);
  const { plan: fit, hasSidecars } = planFile(location, options);
  const planned = withWarnings(fit, leftovers, warnOfPath(location));
  // Only now: looking for the fence marker on ground that the plan refuses could hang.
  const fenced = refuseFenced({ key: keyOf(location), file: location.file }, options.readonly);
  const plan = withWarnings(planned, fenced === null ? null : { code: 'fenced', message: fenced });
  guardByDefault(options.processGuard);
  const admission = admitToRegistry(location, options, hasSidecars);
  try {
    const key = (): string => settleAdmission(admission, location.file).key;
    const suspicion = hasSidecars && !location.untouched ? suspectWal(location.file) : null;
    const connected = connectBeside(suspicion, { target: location.file, key, plan, options });
    try {
      return startServices(connected, location, filename, admission);
    } finally {
      connected.opened?.readers.close();
    }
  } catch (error) {
    admission.release();
    throw error;
  }
}

/** Judges a `-wal` that may belong to another database before anything is written. */
function connectBeside(suspicion: WalSuspicion | null, request: ConnectRequest): Connected {
  let connected: Connected;
  try {
    connected = connect(request);
  } catch (error) {
    throw foreignWalFailure(error, suspicion) ?? error;
  }
  if (suspicion === null) return connected;
  const { connection, opened } = connected;
  try {
    const warning = judgeSuspectWal(connection, suspicion);
    if (warning !== null) connection.hub.publishSoon('warning', { ...warning, details: {} });
    return connected;
  } catch (error) {
    opened?.readers.close();
    connection.abandon([{ file: suspicion.file, identity: null }]);
    connection.releaseHolds();
    throw error;
  }
}

function startServices(
  { connection, journalMode, opened }: Connected,
  location: Location,
  givenName: string,
  admission: Admission,
): SharedConnection {
  const { file } = location;
  const services = new ConnectionServices(connection);
  try {
    const main = connectionFile('main', location, admission, journalMode ?? askMode(connection, 'main'), opened);
    services.add(main, opened);
    return assemble(connection, services, { givenName, file: main, release: () => admission.release() });
  } catch (error) {
    services.close();
    throw translateError(error, { file, operation: 'open', ...adviceOf(error, file) });
  }
}

function openWithoutFile(options: ResolvedOptions): SharedConnection {
  const { source } = options;
  const plan = planWithoutFile(source.kind === 'temporary' ? 'temporary' : 'memory', options);
  const target = source.kind === 'buffer' ? source.buffer : source.filename;
  const givenName = source.kind === 'buffer' ? ':memory:' : source.filename;
  const { connection } = connect({ target, key: () => '', plan, options });
  return assemble(connection, new ConnectionServices(connection), { givenName, file: null, release: () => {} });
}

interface Admitted {
  readonly givenName: string;
  readonly file: ConnectionFile | null;
  readonly release: () => void;
}

function assemble(connection: Connection, services: ConnectionServices, admitted: Admitted): SharedConnection {
  const attachments = new Attachments(connection, admitAttached(connection, services));
  warn(connection);
  const sqlGuard = new SqlGuard(
    connection,
    attachments,
    vacuumIntoGuard(connection.options, () => filesOf(connection)),
  );
  return new SharedConnection({ connection, attachments, sqlGuard, services, ...admitted });
}

/** The files of all schemas. @see https://sqlite.org/pragma.html#pragma_database_list */
function filesOf({ native, verbose }: Connection): readonly string[] {
  const schemas = verbose.quietly(() => native.pragma('database_list')) as { readonly file: string | null }[];
  return schemas.flatMap(({ file }) => (file === null || file === '' ? [] : [file]));
}

/**
 * Publishes the warnings. A warning about a filesystem is logged once for all threads, not at every open; listeners get it each time.
 * They are logged at once, because the program may end, and published when the caller had the chance to listen.
 */
function warn({ plan, hub, options }: Connection): void {
  const { filesystem } = plan;
  for (const { code, message } of plan.warnings) {
    const ofFilesystem = filesystem?.warnings.some(each => each.code === code && each.message === message) === true;
    const key = `${code} ${filesystem?.type} ${filesystem?.mountPoint}`;
    const facts = { code, message, details: {} };
    if (!ofFilesystem || isFirstFor(options.logger, key)) hub.publishSoon('warning', facts);
    else inMicrotask(() => hub.relay('warning', facts));
  }
  if (plan.file === null) return;
  const obstacle = whyNoThread();
  const message = jobsOnEventLoop(obstacle, options.checkpoint);
  if (message !== null) hub.publishSoon('warning', { code: 'no-worker-thread', message, details: { ...obstacle } });
}

function withWarnings(plan: Plan, ...found: readonly (PlanWarning | null)[]): Plan {
  const warnings = found.filter(each => each !== null);
  return warnings.length === 0 ? plan : { ...plan, warnings: [...plan.warnings, ...warnings] };
}

/** A release folder that was switched while the process runs: what it writes from now on, the old one does not see. */
function warnOfPath({ requested, file }: Location): PlanWarning | null {
  const before = movedFrom(requested, file);
  if (before === null) return null;
  return {
    code: 'path-leads-elsewhere',
    message: `${requested} leads to ${file} now; when this process first opened it, it led to ${before}. A symbolic link on the way was changed: connections that are open use the old file, new ones use the new file. Put the database outside of the folder that is switched, or restart the process.`,
  };
}

/** SQLite has created the file, so its identity is known. `seen`: it was looked at since. */
function settleAdmission(
  admission: Admission,
  file: string,
  seen: FileIdentity | null = null,
): { identity: FileIdentity | null; key: string } {
  const identity = seen ?? identityAt(file);
  if (identity !== null) admission.setIdentity(identity);
  return { identity, key: admission.key };
}

function connectionFile(
  schema: string,
  { file, identity }: Location,
  admission: Admission,
  journalMode: string,
  opened: OpenedFiles | null = null,
): ConnectionFile {
  const settled = settleAdmission(admission, file, opened?.identity);
  if (identity === null) forgetFault(settled.key);
  return { schema, file, ...settled, journalMode };
}

function askMode({ native, verbose }: Connection, schema: string): string {
  return verbose.quietly(() => String(native.pragma(`${quotedName(schema)}.journal_mode`, { simple: true })));
}

/** Opens an attached file like any other, except for the connection: it is attached to an existing one. */
function admitAttached(connection: Connection, services: ConnectionServices): AdmitAttached {
  const { options } = connection;
  return (filename, schema) => {
    if (filename === '' || filename === ':memory:') return withoutFile(filename);
    const located = locateFile(filename, options, true);
    refuseSidecarInStatement(located.file, 'ATTACH');
    const leftovers = clearLeftovers(located, { ...options, fileMustExist: false });
    const location = leftovers === null ? located : locateFile(filename, options, true);
    const { hasSidecars } = planFile(location, { ...options, fileMustExist: false });
    refuseFenced({ key: keyOf(location), file: location.file }, options.readonly);
    const admission = admitToRegistry(location, options, hasSidecars);
    const foreign = hasSidecars ? judgeAttached(location, options, admission) : null;
    const warnings = [leftovers, warnOfPath(location), foreign].filter(each => each !== null);
    for (const warning of warnings) inMicrotask(() => connection.hub.publish('warning', { ...warning, details: {} }));
    return {
      filename: location.file,
      attached: () => services.add(connectionFile(schema, location, admission, askMode(connection, schema))),
      aroundDetach: detach => services.aroundDetach(schema, detach),
      release: () => {
        services.remove(schema);
        admission.release();
      },
    };
  };
}

/** Releases the admission where it throws. */
function judgeAttached(location: Location, options: ResolvedOptions, admission: Admission): PlanWarning | null {
  const suspicion = location.untouched ? null : suspectWal(location.file);
  if (suspicion === null) return null;
  try {
    return judgeSuspectAttached(suspicion, options);
  } catch (error) {
    admission.release();
    throw error;
  }
}

function withoutFile(filename: string): AttachTicket {
  return { filename, attached: () => {}, aroundDetach: detach => detach(), release: () => {} };
}
