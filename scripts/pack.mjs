// Packs the built package as npm publishes it, and lays it out as npm installs it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Packs into `folder`; returns the path of the tarball and the names of the files in it. */
export function pack(folder) {
  const flags = ['pack', '--json', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const settings = { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] };
  // Below npm, npm's own script: on Windows `npm` is a .cmd file, which cannot be started without a shell.
  const npm = process.env.npm_execpath;
  const output = npm?.endsWith('.js')
    ? execFileSync(process.execPath, [npm, ...flags], settings)
    : execFileSync('npm', flags, settings);
  const [packed] = Object.values(JSON.parse(output));
  return { tarball: join(folder, packed.filename), files: packed.files.map(({ path }) => path) };
}

/**
 * Installs the tarball into `folder/node_modules` without the registry: the package is unpacked, and what it depends
 * on is linked from this project, together with the packages called `others`.
 */
export function install(tarball, folder, others = []) {
  const target = join(folder, 'node_modules/safe-sqlite');
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', target]);
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
  for (const name of [...Object.keys({ ...dependencies, ...peerDependencies }), ...others]) {
    const link = join(folder, 'node_modules', name);
    if (existsSync(link)) continue;
    mkdirSync(dirname(link), { recursive: true });
    // A junction needs no privilege on Windows; other systems ignore the word.
    symlinkSync(join(root, 'node_modules', name), link, 'junction');
  }
}
