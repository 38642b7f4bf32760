/** Parses the text of `/proc/self/mountinfo` into rows, and walks them as the kernel walks a path. Pure. */

/** One line of `/proc/self/mountinfo`. @see proc_pid_mountinfo(5) */
export interface MountRow {
  readonly id: number;
  readonly parent: number;
  /** `'major:minor'` of the superblock. */
  readonly device: string;
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
  /** The line itself. */
  readonly line: string;
}

export interface MountTable {
  readonly rows: readonly MountRow[];
  readonly byId: ReadonlyMap<number, MountRow>;
  /** Rows by mount point, in the order of the file. */
  readonly byMountPoint: ReadonlyMap<string, readonly MountRow[]>;
}

/** `text` is mountinfo read as latin1: one character per byte, so an escape is decoded bytewise before UTF-8. */
export function parseMountTable(text: string): MountTable {
  const rows: MountRow[] = [];
  const byId = new Map<number, MountRow>();
  const byMountPoint = new Map<string, MountRow[]>();
  for (const line of text.split('\n')) {
    const row = parseMountRow(line);
    if (row === null) continue;
    rows.push(row);
    byId.set(row.id, row);
    const sharing = byMountPoint.get(row.mountPoint);
    if (sharing === undefined) byMountPoint.set(row.mountPoint, [row]);
    else sharing.push(row);
  }
  return { rows, byId, byMountPoint };
}

/** The kernel counts mounts in 32 bits. */
const isId = /^\d{1,10}$/;

function parseMountRow(line: string): MountRow | null {
  const fields = line.split(' ');
  // Zero or more optional fields precede a lone hyphen, from the seventh field on.
  const hyphen = fields.indexOf('-', 6);
  const [id, parent, device, root, mountPoint, options] = fields;
  const type = fields[hyphen + 1];
  if (hyphen < 6 || options === undefined || type === undefined) return null;
  if (!isId.test(id ?? '') || !isId.test(parent ?? '')) return null;
  return {
    id: Number(id),
    parent: Number(parent),
    device: device ?? '',
    root: decodeField(root ?? ''),
    mountPoint: decodeField(mountPoint ?? ''),
    options: options.split(','),
    type: decodeField(type),
    source: decodeField(fields[hyphen + 2] ?? ''),
    // Not unescaped: WSL prints raw backslashes there (`path=C:\;uid=0`).
    superOptions: utf8(fields.slice(hyphen + 3).join(' ')).split(','),
    line: utf8(line),
  };
}

/** The kernel escapes space, tab, newline and backslash as a backslash and exactly three octal digits. */
function decodeField(field: string): string {
  // Of many thousand mounts on a container host, hardly any has an escape.
  if (!field.includes('\\')) return utf8(field);
  return utf8(
    field.replaceAll(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
  );
}

// oxlint-disable-next-line no-control-regex -- every character of one byte in UTF-8, the control characters too
const ascii = /^[\x00-\x7f]*$/;

function utf8(latin1: string): string {
  if (ascii.test(latin1)) return latin1;
  return Buffer.from(latin1, 'latin1').toString('utf8');
}

/** Returns the mount of this process's root folder; `null` in a chroot whose mount the table does not list. */
export function rootMount(table: MountTable): MountRow | null {
  return table.byMountPoint.get('/')?.[0] ?? null;
}

/**
 * Returns the mount that the kernel is on after stepping from a folder on `mount` to `path` (absolute, free of symbolic
 * links). A mount counts only if its parent is the walk's current mount; one hidden below another does not.
 */
export function stepInto(table: MountTable, mount: MountRow | null, path: string): MountRow | null {
  const candidates = table.byMountPoint.get(path);
  if (candidates === undefined) return mount;
  let current = mount;
  // Several mounts can be stacked on one mount point; each one's parent is the one below it.
  for (let depth = 0; depth <= candidates.length; depth++) {
    const above = candidates.findLast(row => row !== current && standsOn(table, row, current));
    if (above === undefined) return current;
    current = above;
  }
  return current;
}

function standsOn(table: MountTable, row: MountRow, below: MountRow | null): boolean {
  return below === null ? !table.byId.has(row.parent) : row.parent === below.id;
}

/** Returns the mount of `path` (absolute, free of symbolic links) from the table alone. */
export function mountOf(table: MountTable, path: string): MountRow | null {
  let current = rootMount(table);
  for (let end = path.indexOf('/', 1); end !== -1; end = path.indexOf('/', end + 1)) {
    current = stepInto(table, current, path.slice(0, end));
  }
  return path === '/' ? current : stepInto(table, current, path);
}
