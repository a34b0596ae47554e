// Commands of this machine, on real files. The directory is the tests' own; its owner is whoever runs them.
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Hook } from '../../../domain/watch/configuration.ts';
import { COMMANDS } from '../../../services/watch/hooks/command.ts';
import { deliver, hookTools } from '../../../services/watch/hooks/deliver.ts';
import { toldOf } from '../../../services/watch/hooks/told.ts';
import type { Message } from '../../../services/watch/hooks/told.ts';
import { until } from '../../support/poll.ts';
import { HOSTILE, hostileMessage, messageOf } from './messages.ts';

const root = mkdtempSync(join(tmpdir(), 'rollcall-hooks-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const directory = join(root, 'hooks.d');
mkdirSync(directory, { mode: 0o755 });
const said = join(root, 'said');
const owner = process.geteuid!();

function programOf(name: string, script: string, mode = 0o755): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, mode);
  return name;
}

const command = (program: string): Hook => ({ type: 'command', name: 'page', program });

function tell(
  program: string,
  {
    message = messageOf(),
    timeLimitMs = 5_000,
    place = directory,
    signal = new AbortController().signal,
  }: {
    message?: Message;
    timeLimitMs?: number;
    place?: string;
    signal?: AbortSignal;
  } = {},
) {
  const tools = hookTools({ ROLLCALL_HOOK_MAIL: 'pass-w0rd' }, Date.now);
  return deliver(message, command(program), { ...tools, commands: { directory: place, owner, timeLimitMs }, signal });
}

const refused = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'it was delivered',
    (error: Error) => `${error.name}: ${error.message}`,
  );

const told = (): string => readFileSync(said, 'utf8');
const untold = (): void => writeFileSync(said, '');
untold();

describe('what a program is given', () => {
  test('ids and words of fixed lists in a bare environment, no arguments, no shell', async () => {
    programOf('page', `{ env | sort; echo "args $#"; pwd; } >${said}`);
    expect(await tell('page')).toBeNull();
    const lines = told()
      .split('\n')
      .filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line));
    expect(lines).toEqual([
      'LANG=C.UTF-8',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'ROLLCALL_EVENT=opened',
      'ROLLCALL_INCIDENT=7',
      'ROLLCALL_KIND=silent-loss',
      `ROLLCALL_MESSAGE=${toldOf(messageOf()).id}`,
      'ROLLCALL_SEVERITY=critical',
      'args 0',
      '/',
      '',
    ]);
  });

  test('never a name of a file, a volume or a host', async () => {
    await tell('page', { message: hostileMessage() });
    for (const name of [...HOSTILE, 'school', 'channel', 'Bcc']) expect(told()).not.toContain(name);
    expect(told()).not.toContain('ROLLCALL_INCIDENT');
  });
});

describe('what does not run', () => {
  test('anything that the catalog could name outside of the directory', async () => {
    untold();
    programOf('outside', `echo ran >${said}`);
    const names = [
      '../outside',
      '/bin/sh',
      'a/../page',
      './page',
      '..',
      '.',
      '',
      'page\0',
      'page ',
      '-page',
      '.page',
      'page;reboot',
    ];
    for (const name of [...names, 'a..b', '$(page)', 'page\n', 'x'.repeat(300)])
      expect([name, await refused(tell(name))]).toEqual([name, expect.stringContaining('plain name of a program')]);
    expect(told()).toBe('');
  });

  test('a link, a directory, and what is not there', async () => {
    untold();
    writeFileSync(join(root, 'evil'), `#!/bin/sh\necho ran >${said}\n`, { mode: 0o755 });
    symlinkSync(join(root, 'evil'), join(directory, 'link'));
    mkdirSync(join(directory, 'folder'));
    expect(await refused(tell('link'))).toContain('no plain file');
    expect(await refused(tell('folder'))).toContain('no plain file');
    expect(await refused(tell('missing'))).toContain('ENOENT');
    symlinkSync(directory, join(root, 'linked.d'));
    expect(await refused(tell('page', { place: join(root, 'linked.d') }))).toContain('is no directory');
    expect(told()).toBe('');
  });

  test('what others can write, or may not be executed', async () => {
    untold();
    for (const [name, mode] of [
      ['group', 0o775],
      ['others', 0o757],
      ['data', 0o644],
    ] as const)
      programOf(name, `echo ran >${said}`, mode);
    expect(await refused(tell('group'))).toContain('chmod go-w');
    expect(await refused(tell('others'))).toContain('chmod go-w');
    expect(await refused(tell('data'))).toContain('chmod +x');
    chmodSync(directory, 0o777);
    expect(await refused(tell('page'))).toContain('can be changed by others');
    chmodSync(directory, 0o1777);
    expect(await refused(tell('page'))).toContain('can be changed by others');
    chmodSync(directory, 0o755);
    chmodSync(root, 0o777);
    expect(await refused(tell('page'))).toContain('can be changed by others');
    chmodSync(root, 0o700);
    expect(told()).toBe('');
  });

  test.skipIf(owner !== 0)('what belongs to somebody else (needs root)', async () => {
    untold();
    chownSync(join(directory, programOf('theirs', `echo ran >${said}`)), 65_534, 65_534);
    expect(await refused(tell('theirs'))).toContain('belongs to another user');
    chownSync(directory, 65_534, 65_534);
    expect(await refused(tell('page'))).toContain('can be changed by others');
    chownSync(directory, 0, 0);
    expect(told()).toBe('');
  });

  test('without being told otherwise, only what is below /etc/rollcall and root’s', () => {
    expect(COMMANDS).toMatchObject({ directory: '/etc/rollcall/hooks.d', owner: 0 });
  });
});

/** Processes of the group; whoever is dead and has not been waited for does not count. */
function livesOf(group: number): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const [state, , of] = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return Number(of) === group && state !== 'Z';
    } catch {
      return false;
    }
  });
}

describe('how it ends', () => {
  test('an exit code, a signal, and a file that is no program', async () => {
    expect(await refused(tell(programOf('seven', 'exit 7')))).toContain('ended with exit code 7');
    expect(await refused(tell(programOf('killed', 'kill -9 $$')))).toContain('was ended by SIGKILL');
    writeFileSync(join(directory, 'odd'), '#!/nowhere/sh\n', { mode: 0o755 });
    expect(await refused(tell('odd'))).toContain('could not be started');
  });

  test('one that takes too long is killed with all that it has started', async () => {
    untold();
    programOf('slow', `(trap '' TERM; echo $$ >${said}; sleep 1000; sleep 1000) & echo started; wait`);
    const attempt = refused(tell('slow', { timeLimitMs: 300 }));
    expect(await attempt).toContain('was killed after 0.3 s');
    const group = Number(told());
    expect(group).toBeGreaterThan(1);
    await until('nothing of its group is left', () => livesOf(group).length === 0);
  });

  test('one that runs when serve ends is killed, too', async () => {
    untold();
    const stop = new AbortController();
    const attempt = refused(tell(programOf('long', `echo $$ >${said}; sleep 1000`), { signal: stop.signal }));
    await until('it runs', () => told() !== '');
    stop.abort();
    expect(await attempt).toContain('was ended with rollcall serve');
  });
});
