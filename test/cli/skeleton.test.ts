// The command line as a shell sees it: exit codes, what goes where, signals, and the launcher.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { define as defineAssess } from '../../cli/commands/assess.ts';
import { addGentleOptions, gentleOf, type GentleOptions } from '../../cli/commands/gentle-options.ts';
import { readConfig } from '../../cli/config.ts';
import { failureOf } from '../../cli/failure.ts';
import { openOutput } from '../../cli/output.ts';
import { progressText } from '../../services/report/terminal/progress.ts';
import { buildProgram } from '../../cli/program.ts';
import { databaseAdvice } from '../../services/catalog/advice.ts';
import { effectiveCapabilities } from '../../services/doctor/process.ts';
import { checkRsync } from '../../services/doctor/tools.ts';
import { until } from '../support/poll.ts';
import { CLI, REPOSITORY } from '../support/programs.ts';
import { memoryDirectory } from '../support/memory.ts';

let base: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  base = memoryDirectory('rollcall-cli-');
  // The database's own user passes through here.
  chmodSync(base, 0o755);
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(base, { recursive: true, force: true });
});

const environment = () => ({ PATH: process.env['PATH'], HOME: base, ROLLCALL_STATE_DIR: join(base, 'state') });

function rollcall(...args: string[]) {
  return rollcallIn({}, ...args);
}

function rollcallIn(variables: Readonly<Record<string, string>>, ...args: string[]) {
  return spawnSync(process.execPath, [CLI, ...args], {
    encoding: 'utf8',
    cwd: base,
    env: { ...environment(), ...variables },
  });
}

test('a usage error is exit 2, says what is wrong and which help to read, and prints nothing to standard output', () => {
  for (const [args, says, next] of [
    [['assess', '--live', '/x', '--snapshots', '0'], /whole number from 1 on/, 'rollcall assess --help'],
    [['asses'], /unknown command 'asses'.*\n.*assess/, 'rollcall --help'],
    [['findings', 'accept', '7'], /required option '--reason/, 'rollcall findings accept --help'],
    [['--state-dir', '/x', 'assess', '--live', '/x', '--nope'], /unknown option '--nope'/, 'rollcall assess --help'],
  ] as const) {
    const { status, stdout, stderr } = rollcall(...args);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(says);
    expect(stderr).toContain(`next: ${next}\n`);
  }
});

test('an option that would do nothing is a usage error that says what to do', () => {
  const nights = ['--live', '/x', '--backup', '/y/*'];
  for (const [args, says] of [
    [['assess', ...nights, '--detach', '--threads', '2'], /--threads.*rollcall worker/],
    [['scan', '/x', '--detach', '--threads', '2'], /--threads.*rollcall worker/],
    [['scan', '/x', '--detach', '--idle'], /--idle.*rollcall worker/],
    [['export', 'v', '--against-snapshot', 'n'], /--against-snapshot.*--against VOLUME/],
    [['export', 'v', '--against-as-of', '2026-11-21'], /--against-as-of.*--against VOLUME/],
  ] as const) {
    const { status, stdout, stderr } = rollcall(...args);
    expect(stderr).toMatch(says);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  }
});

test('a usage error with --json is an object on standard output, too', () => {
  const { status, stdout } = rollcall('assess', '--json');
  expect(status).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({ error: { exit: 2, next: 'rollcall assess --help' } });
});

test('an empty path and a bundle that is not there are told with what to do next, without a trace', () => {
  for (const args of [
    ['history', ''],
    ['history', './'],
    ['history', 'a', '--volume', 'nope'],
    ['findings', '--volume', 'nope'],
    ['verify', 'nowhere'],
    ['verify', base],
    ['verify', base, ''],
  ]) {
    const { status, stderr } = rollcall(...args);
    expect(status).toBe(2);
    expect(stderr).not.toContain('should not have happened');
    expect(stderr).toContain('  next: ');
  }
});

test('--bwlimit 0 is no limit, as with rsync', () => {
  const program = new Command().exitOverride();
  let given: unknown;
  addGentleOptions(program).action((options: GentleOptions) => {
    given = gentleOf(options);
  });
  program.parse(['--bwlimit', '0'], { from: 'user' });
  expect(given).toEqual({ bytesPerSecond: null, idle: false });
});

test('help and version are answers: exit 0, on standard output', () => {
  // The commit, where git knows one.
  const edition = expect.stringMatching(/^0\.1\.0 \(([0-9a-f]{7,}(\+changes)?|from its sources)\)\n$/);
  expect(rollcall('--version')).toMatchObject({ status: 0, stdout: edition, stderr: '' });
  const help = rollcall('--help');
  expect(help.status).toBe(0);
  for (const name of ['assess', 'verify', 'scan', 'history', 'findings', 'volumes', 'demo', 'doctor', 'worker']) {
    expect(help.stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  }
});

test('a failure of a command with --json is an object on standard output, too, and nothing is left running', () => {
  const { status, stdout, stderr } = rollcall('history', '/nowhere', '--json', '--state-dir', '/proc/rollcall');
  expect(status).toBe(2);
  const { error } = JSON.parse(stdout) as { error: { message: string; next: string; exit: number } };
  expect(error).toMatchObject({
    message: expect.stringContaining('/proc/rollcall'),
    next: expect.stringContaining('--state-dir'),
    exit: 2,
  });
  expect(stderr).toContain(`rollcall: ${error.message}\n  next: ${error.next}\n`);
});

test('doctor finds what is needed here, and a path that does not exist is a bad line with advice', () => {
  const fine = rollcall('doctor', '--json', base);
  const { checks } = JSON.parse(fine.stdout) as {
    checks: { level: string; subject: string; says: string; next: string | null }[];
  };
  expect(checks.filter((check) => check.level === 'bad').map((check) => check.subject)).toEqual([]);
  expect(checks.map((check) => check.subject)).toEqual(
    expect.arrayContaining(['node', 'rsync', 'reading', 'database', 'catalog', base]),
  );
  expect(fine.status).toBe(0);
  expect(existsSync(join(base, 'state/data/postmaster.pid'))).toBe(false);
  const bad = rollcall('doctor', join(base, 'gone'), '');
  expect(bad.status).toBe(2);
  expect(bad.stdout).toContain('a path: is empty');
  expect(bad.stdout).toMatch(/^BAD {2}.*gone: does not exist.*\n {5}next: /m);
});

test('doctor calls bad what restore.sh refuses: an old rsync, tools that lack what the GNU ones do', () => {
  const bin = join(base, 'bin');
  mkdirSync(bin);
  const tool = (name: string, version: string): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\n[ "$*" = --version ] || exit 1\necho "${version}"\n`, { mode: 0o755 });
  tool('rsync', 'rsync  version 3.1.3  protocol version 31');
  tool('sha256sum', 'BusyBox v1.35.0');
  tool('xargs', 'BusyBox v1.35.0');
  const { status, stdout } = rollcallIn({ PATH: `${bin}:${process.env['PATH']}` }, 'doctor');
  expect(stdout).toMatch(
    /^BAD {2}rsync: 3\.1\.3 is older than 3\.2\.4; restore\.sh refuses it\n {5}next: install rsync/m,
  );
  for (const name of ['sha256sum', 'xargs'])
    expect(stdout).toMatch(new RegExp(`^BAD  ${name}: .*restore\\.sh refuses it: BusyBox.*\\n {5}next: put GNU`, 'm'));
  expect(status).toBe(2);
});

test('a reader who goes away is no failure', () => {
  const { stdout, stderr } = spawnSync('sh', ['-c', `"$0" "$@" | head -n 1`, process.execPath, CLI, '--help'], {
    encoding: 'utf8',
    cwd: base,
    env: environment(),
  });
  expect(stdout).toBe('Usage: rollcall [options] [command]\n');
  expect(stderr).toBe('');
});

test('an answer that cannot be written is a failure, and told, also where it was the last thing to do', () => {
  for (const command of ['help', 'doctor']) {
    const words = [process.execPath, CLI, command];
    const script = 'exec "$0" "$@" > /dev/full';
    const ran = spawnSync('sh', ['-c', script, ...words], { encoding: 'utf8', cwd: base, env: environment() });
    expect(ran.stderr, command).toMatch(/^rollcall: ENOSPC: .*\n {2}next: free space/m);
    expect(ran.status, command).toBe(2);
  }
});

test('Ctrl-C of a worker that has not come so far as to end in order is told, and 130', async () => {
  const args = [CLI, 'worker'];
  const child = spawn(process.execPath, args, { cwd: base, env: environment(), detached: true });
  children.push(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const { pid = 0 } = child;
  await until('it makes its database', () => existsSync(join(base, 'state/VERSION')));
  // As a terminal does it: to all of them.
  process.kill(-pid, 'SIGINT');
  expect(await ended).toBe(130);
  expect(said).toContain('rollcall: interrupted\n');
});

// The pieces.

function parseAssess(...args: string[]): { bodies: number; error: string | null } {
  let bodies = 0;
  let error: string | null = null;
  const program = new Command().exitOverride().configureOutput({
    writeErr: (text) => {
      error = text;
    },
  });
  defineAssess(program, () => {
    bodies += 1;
    return Promise.resolve();
  });
  void program.parseAsync(['assess', ...args], { from: 'user' }).catch(() => {});
  return { bodies, error };
}

test('each --backup belongs to the --live before it, and where that is not plain it is refused', () => {
  expect(parseAssess('--live', 'a', '--backup', 'x', '--backup', 'y', '--live', 'b', '--backup', 'z')).toEqual({
    bodies: 1,
    error: null,
  });
  expect(parseAssess('--backup', 'x', '--live', 'a')).toEqual({ bodies: 1, error: null });
  expect(parseAssess('--live', 'a', '--live', 'b')).toEqual({ bodies: 1, error: null });
  expect(parseAssess('--live', 'a', '--live', 'b', '--backup', 'z')).toMatchObject({
    bodies: 0,
    error: expect.stringContaining('--live a has no --backup'),
  });
  expect(parseAssess('--backup', 'z', '--live', 'a', '--live', 'b')).toMatchObject({
    bodies: 0,
    error: expect.stringContaining('after its --live'),
  });
});

test('every command says what it does, and every one that answers takes --json', () => {
  const program = buildProgram(() => Promise.resolve());
  const leaves = program.commands.flatMap((command) => (command.commands.length === 0 ? [command] : command.commands));
  for (const command of leaves) {
    expect(command.description(), command.name()).not.toBe('');
    // A story, and a script that a shell reads, are none.
    if (!['demo', 'completion'].includes(command.name()))
      expect(
        command.options.map((option) => option.long),
        command.name(),
      ).toContain('--json');
  }
});

test('--state-dir wins over ROLLCALL_STATE_DIR, an empty variable is none, and the value is frozen', () => {
  const home = process.getuid?.() === 0 ? '/var/lib/rollcall' : '/home/u/.local/state/rollcall';
  expect(readConfig({ HOME: '/home/u', ROLLCALL_STATE_DIR: '', DATABASE_URL: '' }, undefined)).toMatchObject({
    stateDir: home,
    databaseUrl: null,
  });
  expect(readConfig({ HOME: '/h', ROLLCALL_STATE_DIR: '/a' }, undefined).stateDir).toBe('/a');
  expect(readConfig({ HOME: '/h', ROLLCALL_STATE_DIR: '/a' }, '/b').stateDir).toBe('/b');
  const config = readConfig({ HOME: '/h', NO_COLOR: '1' }, undefined);
  expect(config.color).toBe(false);
  expect(Object.isFrozen(config)).toBe(true);
});

test('progress moves on a terminal only, and never widens past it', () => {
  const written: string[] = [];
  const stream = (isTTY: boolean) =>
    ({ isTTY, columns: 40, write: (text: string) => written.push(text) > 0 }) as unknown as NodeJS.WriteStream;
  let nowMs = 0;
  const progress = { doing: 'scanning /srv', files: 1_000, bytes: 5_000_000, filesExpected: 4_000 };
  for (const tty of [false, true]) {
    const output = openOutput({
      stdout: stream(tty),
      stderr: stream(tty),
      color: true,
      progress: true,
      now: () => nowMs,
    });
    output.progress(progress);
    nowMs += 10_000;
    output.progress(progress);
    output.line('done');
  }
  // The pipe got the answer alone; the terminal got two drawings, each over the last, and a clean line.
  expect(written[0]).toBe('done\n');
  expect(written).toHaveLength(5);
  for (const drawn of written.slice(1, 3)) expect(Array.from(drawn.replace('\r\u001b[K', '')).length).toBeLessThan(40);
  expect(written.slice(3)).toEqual(['\r\u001b[K', 'done\n']);
  // What one tick of a clock says is no rate.
  expect(progressText(progress, 1)).toBe('scanning /srv: 1,000 files, 5.00 MB');
  expect(progressText(progress, 10_000)).toMatch(/1,000 files.*100 files\/s.*about 30 s left/);
});

test('codes of Postgres and of the file system come out as advice; anything else as a bug with its place', () => {
  const full = Object.assign(new Error('could not extend file'), { code: '53100' });
  expect(failureOf(full, databaseAdvice)).toMatchObject({
    exit: 2,
    message: expect.stringContaining('disk of the database is full'),
    next: expect.stringContaining('continues'),
  });
  const noSpace = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    syscall: 'write',
    path: '/x',
  });
  expect(failureOf(noSpace, databaseAdvice)).toMatchObject({
    exit: 2,
    stack: null,
    next: expect.stringContaining('free space'),
  });
  // A file that is not there is not a database that is not there.
  const noFile = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT', syscall: 'open', path: '/x' });
  expect(failureOf(noFile, databaseAdvice)).toMatchObject({ exit: 2, stack: expect.stringContaining('no such file') });
});

test('doctor reads capabilities and versions as numbers', () => {
  expect([...effectiveCapabilities('CapEff:\t0000000000000004\n', 1000)]).toEqual(['CAP_DAC_READ_SEARCH']);
  expect([...effectiveCapabilities('CapEff:\t0000000000000000\n', 0)]).toEqual([]);
  expect(checkRsync('rsync  version 3.2.10  protocol version 31').level).toBe('ok');
  expect(checkRsync('rsync  version 3.1.3  protocol version 31').level).toBe('bad');
  expect(checkRsync(null)).toMatchObject({ level: 'bad', next: expect.stringContaining('rsync') });
});

// The launcher, in a checkout as small as one can be: the real script, the real build, a program that prints its
// arguments.

/** What a program has to do at its end (services/process/launcher.ts). */
const TELLS = "process.title = 'exit 0'; process.kill(process.ppid, 'SIGUSR1');\n";

function smallCheckout(): string {
  const checkout = join(base, 'check out');
  mkdirSync(join(checkout, 'cli'), { recursive: true });
  cpSync(join(REPOSITORY, 'rollcall'), join(checkout, 'rollcall'));
  symlinkSync(join(REPOSITORY, 'node_modules'), join(checkout, 'node_modules'));
  writeFileSync(
    join(checkout, 'cli/main.ts'),
    `console.log(JSON.stringify([process.cwd(), ...process.argv.slice(2)]));\n${TELLS}`,
  );
  mkdirSync(join(checkout, 'domain'));
  // What else is built: nothing that this program starts.
  for (const name of ['workers/thread.ts', 'workers/reader.ts', 'services/embedded/guard-process.ts']) {
    mkdirSync(join(checkout, dirname(name)), { recursive: true });
    writeFileSync(join(checkout, name), '');
  }
  mkdirSync(join(checkout, 'services/process'));
  for (const name of ['start', 'code-cache', 'state-place'].map((each) => `services/process/${each}.ts`))
    cpSync(join(REPOSITORY, name), join(checkout, name));
  for (const name of ['package.json', 'tsconfig.json', 'build.mjs', 'package-lock.json'])
    cpSync(join(REPOSITORY, name), join(checkout, name));
  // Installed after it was locked: npm is not called.
  utimesSync(join(checkout, 'package-lock.json'), 1, 1);
  return checkout;
}

test('the launcher builds once, also when two come at once, and then runs from anywhere and through links', async () => {
  const checkout = smallCheckout();
  const two = [0, 1].map(() => {
    const child = spawn(join(checkout, 'rollcall'), ['a b', '$(c)'], { cwd: base, stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
    return new Promise<typeof said & { code: number | null }>((resolve) =>
      child.once('close', (code) => resolve({ ...said, code })),
    );
  });
  const said = await Promise.all(two);
  const answer = `${JSON.stringify([base, 'a b', '$(c)'])}\n`;
  expect(said.map(({ stdout, code }) => ({ stdout, code }))).toEqual([
    { stdout: answer, code: 0 },
    { stdout: answer, code: 0 },
  ]);
  expect(said.map(({ stderr }) => stderr).sort()).toEqual(['', 'rollcall: building ...\n']);

  symlinkSync(join(checkout, 'rollcall'), join(base, 'first'));
  symlinkSync('first', join(base, 'second'));
  const linked = spawnSync(join(base, 'second'), ['x'], { cwd: '/', encoding: 'utf8' });
  expect(linked).toMatchObject({ stdout: '["/","x"]\n', stderr: '', status: 0 });

  writeFileSync(join(checkout, 'cli/main.ts'), `console.log("changed");\n${TELLS}`);
  expect(spawnSync(join(base, 'second'), { encoding: 'utf8' })).toMatchObject({
    stdout: 'changed\n',
    stderr: 'rollcall: building ...\n',
    status: 0,
  });

  writeFileSync(join(checkout, 'cli/main.ts'), 'console.log(1 +);\n');
  const broken = spawnSync(join(base, 'second'), { encoding: 'utf8' });
  expect(broken).toMatchObject({ stdout: '', status: 2 });
  expect(broken.stderr).toMatch(/\[ERROR\] [^]*the build failed\n {2}next: /);
});

test('the launcher says that Node is missing or too old', () => {
  const checkout = smallCheckout();
  const bin = join(base, 'bin');
  mkdirSync(bin);
  const run = () => spawnSync('/bin/sh', [join(checkout, 'rollcall')], { encoding: 'utf8', env: { PATH: bin } });
  expect(run()).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringMatching(/Node is missing\n {2}next: install Node 20/),
  });
  writeFileSync(join(bin, 'node'), '#!/bin/sh\necho v18.19.0\n');
  chmodSync(join(bin, 'node'), 0o755);
  expect(run()).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringMatching(/Node v18.19.0 is too old\n {2}next: /),
  });
});

test('a checkout that is built and read-only works as it is', () => {
  const checkout = smallCheckout();
  expect(spawnSync(join(checkout, 'rollcall'), { cwd: base, encoding: 'utf8' }).status).toBe(0);
  writeFileSync(join(checkout, 'cli/main.ts'), `console.log("newer");\n${TELLS}`);
  // As somebody who may not write there: another user for root, a closed directory for anyone else.
  const root = process.getuid?.() === 0;
  chmodSync(checkout, 0o555);
  const run = spawnSync('/bin/sh', [join(checkout, 'rollcall'), 'y'], {
    cwd: '/',
    encoding: 'utf8',
    ...(root ? { uid: 65_534, gid: 65_534 } : {}),
  });
  chmodSync(checkout, 0o755);
  expect(run).toMatchObject({ stdout: '["/","y"]\n', stderr: '', status: 0 });
});

test('the launcher of an npm package, which holds no sources, runs what is built in it and calls neither npm nor the compiler', () => {
  const home = join(base, 'lib/node_modules/rollcall');
  mkdirSync(join(home, 'dist'), { recursive: true });
  cpSync(join(REPOSITORY, 'rollcall'), join(home, 'rollcall'));
  cpSync(join(REPOSITORY, 'package.json'), join(home, 'package.json'));
  mkdirSync(join(base, 'bin'));
  symlinkSync('../lib/node_modules/rollcall/rollcall', join(base, 'bin/rollcall'));
  const main = join(home, 'dist/cli.cjs');
  const run = () => spawnSync(join(base, 'bin/rollcall'), ['x'], { cwd: '/', encoding: 'utf8' });
  expect(run()).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('install the package again') });
  writeFileSync(main, `console.log(JSON.stringify(process.argv.slice(2)));\n${TELLS}`);
  expect(run()).toMatchObject({ status: 0, stdout: '["x"]\n', stderr: '' });
});

test('an npm package holds what runs and its pages, and no tests or sources', () => {
  // The build before packing is npm's affair; what is built lies below dist.
  const { stdout, status } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
    env: { ...process.env, npm_config_cache: join(base, 'npm'), npm_config_update_notifier: 'false' },
  });
  expect(status).toBe(0);
  const [pack] = JSON.parse(stdout) as { readonly files: readonly { readonly path: string }[] }[];
  const names = pack?.files.map(({ path }) => path).filter((path) => !path.startsWith('dist/')) ?? [];
  expect(names).toEqual(
    expect.arrayContaining(['rollcall', 'package.json', 'migrations/0001_catalog.sql', 'services/bundle/restore.sh']),
  );
  expect(names.filter((path) => /^test\/|\.ts$/.test(path))).toEqual([]);
});
