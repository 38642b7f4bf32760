// The blocks of docs/deployment.md with what can be had of each surrounding here: the steps of the Dockerfile in a root of
// their own with its CMD as process 1, the manifest against the types of Kubernetes' API, the unit by systemd-analyze and its
// program as another user, and PM2 itself. No container engine, no cluster and no systemd as process 1 are needed.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { install, root } from '../../scripts/pack.mjs';
import { blocksOf, programFolder } from '../docs/page.mts';
import { createLab, whyNoMounts, type Lab } from '../mounts/lab.mts';
import { until } from '../support/until.mts';
import { freePort } from './environment.mts';
import { npmInstall, registrySkip, tarball } from './program.mts';

const [server, dockerfile, manifest, unit, ecosystem] = blocksOf('deployment.md').map(({ text }) => text);

/** Resolves with what the route answers, once it answers. */
async function answer(port: number, path: string): Promise<string> {
  let said = '';
  await until(async () => {
    try {
      said = await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
      return true;
    } catch {
      return false;
    }
  }, `${path} answers`);
  return said;
}

describe('Docker: the steps of the Dockerfile', { skip: whyNoMounts('chroot', 'setpriv') || registrySkip }, () => {
  interface Image {
    readonly at: string;
    readonly user: string;
    readonly workdir: string;
    readonly env: Readonly<Record<string, string>>;
    readonly command: readonly string[];
    readonly volume: string;
  }

  /** Runs what the Dockerfile says over the files of this machine: an overlay stands for the layers of the base image. */
  function build(lab: Lab, context: string): Image {
    const layers = lab.mount('-t', 'tmpfs', 'none');
    for (const name of ['upper', 'work', 'root']) mkdirSync(join(layers, name));
    const at = join(layers, 'root');
    lab.mountAt(at, '-t', 'overlay', '-o', `lowerdir=/,upperdir=${layers}/upper,workdir=${layers}/work`, 'overlay');
    lab.mountAt(join(at, 'proc'), '-t', 'proc', 'proc');
    lab.mountAt(join(at, 'dev'), '--bind', '/dev');
    // What this machine may have and the image has not; in the overlay only.
    execFileSync('rm', ['-rf', join(at, 'data'), join(at, 'app')]);
    // What node:24-slim has: Node, and the user 1000 called node.
    cpSync(process.execPath, join(at, 'usr/local/bin/node'));
    const passwd = readFileSync('/etc/passwd', 'utf8').replaceAll(/^.*:1000:.*\n/gm, '');
    writeFileSync(join(at, 'etc/passwd'), `${passwd}node:x:1000:1000::/home/node:/bin/sh\n`);
    const group = readFileSync('/etc/group', 'utf8').replaceAll(/^.*:1000:.*\n/gm, '');
    writeFileSync(join(at, 'etc/group'), `${group}node:x:1000:\n`);
    const image = {
      at,
      user: 'root',
      workdir: '/',
      env: {} as Record<string, string>,
      command: [] as string[],
      volume: '',
    };
    for (const line of (dockerfile ?? '').split('\n').filter(each => /^[A-Z]/.test(each))) {
      const [, step = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
      if (step === 'FROM') assert.match(rest, /^node:24/);
      else if (step === 'WORKDIR') mkdirSync(join(at, (image.workdir = rest)), { recursive: true });
      else if (step === 'COPY')
        execFileSync('sh', ['-c', `cp -a ${rest.replace(/ \.$/, '')} '${at}${image.workdir}'`], { cwd: context });
      else if (step === 'RUN')
        execFileSync('chroot', [at, 'sh', '-c', `cd ${image.workdir} && ${rest}`], { stdio: 'pipe' });
      else if (step === 'USER') image.user = rest;
      else if (step === 'ENV') image.env[rest.split('=')[0] ?? ''] = rest.split('=')[1] ?? '';
      else if (step === 'VOLUME') image.volume = rest;
      else if (step === 'CMD') image.command = JSON.parse(rest) as string[];
      else assert.fail(`a step that nothing runs: ${line}`);
    }
    return image;
  }

  /** `docker run -v volume:/data`: process 1 of a PID namespace, as the user of the image. */
  function start({ at, user, workdir, env, command }: Image, port: number): ChildProcess {
    assert.equal(user, 'node');
    const script = 'cd "$1" && shift && exec setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=-all "$@"';
    return spawn(
      'unshare',
      ['--pid', '--fork', '--kill-child', 'chroot', at, 'sh', '-c', script, 'sh', workdir, ...command],
      {
        env: { PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...env, PORT: String(port) },
        stdio: ['ignore', 'inherit', 'pipe'],
      },
    );
  }

  test('they run, /data belongs to the user, and SIGTERM at process 1 closes the database', async () => {
    using lab = createLab();
    const context = lab.folder('context');
    writeFileSync(join(context, 'package.json'), JSON.stringify({ name: 'app', private: true }));
    writeFileSync(join(context, 'server.mjs'), server ?? '');
    cpSync(tarball, join(context, 'package-of-this-run.tgz'));
    npmInstall(context);
    // `node_modules` in .dockerignore, and the tarball as the registry has it: in the image.
    const lock = readFileSync(join(context, 'package-lock.json'), 'utf8').replaceAll(
      /"file:[^"]*\.tgz"/g,
      '"file:package-of-this-run.tgz"',
    );
    writeFileSync(join(context, 'package-lock.json'), lock);
    const names = readFileSync(join(context, 'package.json'), 'utf8').replaceAll(
      /"file:[^"]*\.tgz"/g,
      '"file:package-of-this-run.tgz"',
    );
    writeFileSync(join(context, 'package.json'), names);
    execFileSync('rm', ['-r', join(context, 'node_modules')]);
    const image = build(lab, context);
    const data = join(image.at, image.volume);
    assert.deepEqual([statSync(data).uid, dirname(image.env['DATABASE'] ?? '')], [1000, image.volume]);
    // A named volume is a filesystem of its own that takes the owner of the folder in the image.
    lab.mountAt(data, '-o', 'loop', lab.image(32 << 20, 'mkfs.ext4', '-q'));
    execFileSync('chown', ['1000:1000', data]);

    const port = await freePort();
    const container = start(image, port);
    container.stderr?.pipe(process.stderr);
    assert.match(await answer(port, '/ready'), /"status":"ok"/);
    assert.ok(existsSync(join(data, 'app.db-wal')) || existsSync(join(data, 'app.db')));
    const inside = childOf(container.pid ?? 0);
    const ended = once(container, 'exit');
    process.kill(inside, 'SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.deepEqual(
      readdirSync(data).filter(name => name.startsWith('app.db')),
      ['app.db'],
    );

    // "a bind mount keeps the owner of the host": root's folder, which the page says to chown first.
    execFileSync('chown', ['-R', '0:0', data]);
    const refused = start(image, port);
    let said = '';
    refused.stderr?.on('data', (piece: Buffer) => (said += piece.toString()));
    const [code] = (await once(refused, 'close')) as [number];
    assert.equal(code, 1);
    assert.match(said, /SQLITE_(?:CANTOPEN|READONLY)/);
  });
});

/** The process that a tool started: the last of the line of only children. */
function childOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? pid : childOf(Number(children.split(' ')[0]));
}

describe('Kubernetes: the manifest', () => {
  interface StatefulSet {
    readonly spec: {
      readonly replicas: number;
      readonly template: {
        readonly spec: {
          readonly securityContext: { readonly runAsUser: number; readonly fsGroup: number };
          readonly containers: readonly {
            readonly env: readonly { readonly name: string; readonly value: string }[];
            readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
            readonly readinessProbe: { readonly httpGet: { readonly path: string; readonly port: number } };
            readonly livenessProbe: { readonly httpGet: { readonly path: string; readonly port: number } };
          }[];
        };
      };
      readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[];
    };
  }

  const compiles = (t: TestContext, text: string): { readonly status: number | null; readonly stdout: string } => {
    const folder = programFolder(t, {}, ['kubernetes-types']);
    const program = `import type { StatefulSet } from 'kubernetes-types/apps/v1';\nexport const set: StatefulSet = ${JSON.stringify(parse(text))};\n`;
    writeFileSync(join(folder, 'manifest.mts'), program);
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const flags = [
      '--noEmit',
      '--strict',
      '--module',
      'esnext',
      '--moduleResolution',
      'bundler',
      '--types',
      '',
      '--ignoreConfig',
      'manifest.mts',
    ];
    return spawnSync(process.execPath, [tsc, ...flags], { cwd: folder, encoding: 'utf8' });
  };

  test('each field is one of the API; a misspelt one would be told', t => {
    const right = compiles(t, manifest ?? '');
    assert.equal(right.status, 0, right.stdout);
    for (const [from, to] of [
      ['readinessProbe', 'readynessProbe'],
      ['accessModes: [ReadWriteOncePod]', 'accessModes: ReadWriteOncePod'],
      ['fsGroup: 1000', 'fsGroup: node'],
    ] as const) {
      assert.ok(manifest?.includes(from));
      assert.notEqual(compiles(t, (manifest ?? '').replace(from, to)).status, 0, to);
    }
  });

  test('its probes are routes of the program, its volume has the database, one pod writes', () => {
    const { spec } = parse(manifest ?? '') as StatefulSet;
    const [container] = spec.template.spec.containers;
    assert.ok(container !== undefined);
    assert.equal(spec.replicas, 1);
    for (const { path, port } of [container.readinessProbe.httpGet, container.livenessProbe.httpGet]) {
      assert.ok(server?.includes(`request.url === '${path}'`), path);
      assert.ok(server?.includes(`process.env.PORT ?? ${port}`));
    }
    assert.match(server ?? '', /url === '\/ready'\) return health\(/);
    const [mount] = container.volumeMounts;
    assert.equal(dirname(container.env.find(({ name }) => name === 'DATABASE')?.value ?? ''), mount?.mountPath);
    assert.equal(spec.volumeClaimTemplates[0]?.metadata.name, mount?.name);
    const { runAsUser, fsGroup } = spec.template.spec.securityContext;
    // The user of the image.
    assert.deepEqual([runAsUser, fsGroup], [1000, 1000]);
  });
});

describe('systemd: the unit', () => {
  const noAnalyze = spawnSync('systemd-analyze', ['--version']).status !== 0 && 'needs systemd-analyze';

  test('systemd reads it without a complaint; a misspelt key would be told', { skip: noAnalyze }, t => {
    const check = (text: string): string => {
      const folder = programFolder(t, { 'app.service': text.replace('/usr/bin/node', process.execPath) });
      const { stderr, stdout } = spawnSync('systemd-analyze', ['verify', '--man=no', join(folder, 'app.service')], {
        encoding: 'utf8',
      });
      return `${stdout}${stderr}`
        .split('\n')
        .filter(line => line.includes('app.service'))
        .join('\n');
    };
    assert.equal(check(unit ?? ''), '');
    assert.match(check((unit ?? '').replace('TimeoutStopSec', 'TimeoutStopSecs')), /Unknown key/);
    assert.match(check((unit ?? '').replace('Restart=on-failure', 'Restart=on-fail')), /Failed to parse/i);
  });

  test(
    'as systemd starts it: another user, the working directory /, a state directory; SIGTERM ends it in order',
    { skip: whyNoMounts('setpriv') },
    async t => {
      using lab = createLab();
      execFileSync('chmod', ['755', lab.root]);
      const state = lab.folder('app');
      const program = lab.folder('program');
      writeFileSync(join(program, 'server.mjs'), server ?? '');
      install(tarball, program);
      execFileSync('chown', ['1234:1234', state]);
      const port = await freePort();
      const environment = Object.fromEntries(
        [...(unit ?? '').matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [
          name,
          value.replace('/var/lib/app', state),
        ]),
      );
      assert.equal(dirname(environment['DATABASE'] ?? ''), state);
      const child = spawn(
        'setpriv',
        ['--reuid=1234', '--regid=1234', '--clear-groups', process.execPath, join(program, 'server.mjs')],
        {
          cwd: '/',
          env: { ...environment, PORT: String(port) },
          stdio: ['ignore', 'inherit', 'inherit'],
        },
      );
      t.after(() => child.kill('SIGKILL'));
      assert.match(await answer(port, '/ready'), /"status":/);
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
      assert.deepEqual(readdirSync(state), ['app.db']);
    },
  );
});

describe('PM2', { skip: registrySkip || (process.platform === 'win32' && 'POSIX signals') }, () => {
  test('two workers of its cluster mode on one database, which end with a signal and not by a kill', async t => {
    const folder = programFolder(t, { 'server.mjs': server ?? '', 'package.json': '{}' });
    execFileSync('rm', ['-r', join(folder, 'node_modules')]);
    npmInstall(folder, 'pm2@7');
    mkdirSync(join(folder, 'data'));
    const port = await freePort();
    const settings = (ecosystem ?? '')
      .replace('/srv/app/data', join(folder, 'data'))
      .replace('PORT: 3000', `PORT: ${port}`);
    assert.ok(settings.includes(folder) && settings.includes(String(port)));
    writeFileSync(join(folder, 'ecosystem.config.cjs'), settings);
    const env = { ...process.env, PM2_HOME: join(folder, 'home') };
    const pm2 = (...line: string[]): string =>
      execFileSync(process.execPath, [join(folder, 'node_modules/pm2/bin/pm2'), ...line], {
        cwd: folder,
        env,
        encoding: 'utf8',
        stdio: 'pipe',
      });
    try {
      pm2('start', 'ecosystem.config.cjs');
      assert.match(await answer(port, '/ready'), /"status":/);
      const workers = JSON.parse(pm2('jlist')) as { readonly pid: number }[];
      assert.equal(workers.length, 2);
      await until(() => existsSync(join(folder, 'data/app.db')), 'the database is there');
      pm2('stop', 'app');
      const log = readFileSync(join(folder, 'home/pm2.log'), 'utf8');
      assert.equal([...log.matchAll(/exited with code \[0\] via signal \[SIGINT\]/g)].length, 2, log);
      assert.doesNotMatch(log, /SIGKILL/);
      assert.deepEqual(readdirSync(join(folder, 'data')), ['app.db']);
    } finally {
      pm2('kill');
    }
  });
});
