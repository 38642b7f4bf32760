import { inFile, type Mutant } from '../mutant.mts';

const fenceTests = ['test/fence/first-fault.test.mts', 'test/fence/fence.test.mts'];
const markerTests = ['test/fence', 'test/security'];

export const fence: readonly Mutant[] = [
  ...inFile(
    'fence/fence.ts',
    [...fenceTests, 'test/fence'],
    [
      [
        'refuse-all',
        'every connection of this thread refuses before anything else happens',
        '  for (const { key } of fresh) refuseAll(key);\n',
        '',
      ],
      [
        'tell-threads',
        'the other threads hear of a fault though no marker could be written',
        '  for (const { key } of fresh) tellFault({ key, ...facts });\n',
        '',
      ],
      ['let-go', 'fenced connections let go of the file', '  for (const { key } of fresh) letAllGo(key);\n', ''],
      [
        'first-fault',
        'the first fault is the one that counts',
        'const fresh = files.filter(({ key }) => !state.faults.has(key));',
        'const fresh = files;',
      ],
      [
        'notice-marker',
        'a marker of another process fences',
        '  if (fault === null) return false;\n  state.faults.set(key, fault);',
        '  return false;\n  state.faults.set(key, fault);',
      ],
      ['refuse-open', 'a fenced file is not opened for writing', '  if (!readonly) throw fencedError(fault);\n', ''],
      [
        'readonly-told',
        'a read-only open of a fenced file reports the fence',
        '  return `${describeFault(fault)}; it was opened',
        '  if (readonly) return null;\n  return `${describeFault(fault)}; it was opened',
      ],
      ['forget-told', 'a cleared fence is cleared for the other threads', '  forgetToldFault(key);\n', ''],
    ],
  ),
  ...inFile(
    'fence/connection-fence.ts',
    [...fenceTests, 'test/fence'],
    [
      [
        'let-go-later',
        'a connection that is busy lets go in the next turn',
        'if (letGo() !== null) setImmediate(letGo);',
        'letGo();',
      ],
      [
        'event',
        'the application hears of the fence',
        "    connection.hub.publish('fenced', { reason: 'storage', error: fault.error });\n",
        '',
      ],
      [
        'all-files',
        'a fault of a transaction over several files fences them all',
        'if (fence) fenceFiles(files, error',
        'if (fence) fenceFiles([main], error',
      ],
      [
        'marker-warning',
        'a marker that could not be written is a warning',
        'if (fault.markerError === null) return;',
        'return;',
      ],
    ],
  ),
  ...inFile('filesystem/fence-marker.ts', markerTests, [
    [
      'marker-stranger',
      'a marker of a stranger is reported as his',
      ' || owner === ownerOf(file) ? null',
      ' || owner !== null ? null',
    ],
    [
      'marker-shape',
      'a text of another shape is no marker',
      'const marker = parseShape(found.text, shape);',
      'const marker = JSON.parse(found.text || "null") as MarkerText;',
    ],
    [
      'marker-dangling',
      'a dangling link is seen',
      'return lstatSync(fenceMarkerPath(file), { throwIfNoEntry: false }) !== undefined;',
      'return statSync(fenceMarkerPath(file), { throwIfNoEntry: false }) !== undefined;',
    ],
    [
      'marker-access',
      'the marker is never more readable than the database',
      'chmodOpen(descriptor, path, database.mode & (group ? 0o666 : 0o606));',
      'chmodOpen(descriptor, path, 0o644);',
    ],
  ]),
];
