// Volumes with bricks on two hosts in further states: distributed, looked at again, a brick or a host that is away.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { checkSums, verdicts } from '../support/answers.ts';
import { decodePath } from '../../domain/path.ts';
import { setsTrusted } from '../support/brick-volume.ts';
import { hiddenOn, stateOf } from '../support/bricks.ts';
import { runs } from '../support/processes.ts';
import { CLI } from '../support/programs.ts';
import { bytes } from '../support/tree.ts';
import { brickHosts, HOSTS, onBoth, told } from './brick-hosts.ts';

vi.setConfig({ testTimeout: 300_000 });

const { address, awake, base, start, stop, world, answerOf, judged, onOneHost } = await brickHosts();

describe.skipIf(!setsTrusted)('bricks on two hosts (root and attr needed)', () => {
  test.each([
    { subvolumes: 4, replicas: 1, directories: 3 },
    { subvolumes: 2, replicas: 2, directories: 3 },
    // Which of three is rescued, where they are the same, is a matter of their order.
    { subvolumes: 2, replicas: 3, directories: 2, first: 2 },
  ])('$subvolumes × $replicas are judged like those of one host, again and again', async ({ first, ...wanted }) => {
    for (const host of HOSTS) start(host);
    const made = world(wanted);
    const before = { hidden: hiddenOn(made), state: stateOf(made) };
    for (const reread of [false, false, true])
      expect(told(await judged(onBoth(made, first), { reread }))).toBe(told(await onOneHost(made, { reread })));
    expect({ hidden: hiddenOn(made), state: stateOf(made) }).toEqual(before);
  });

  test('replicas that are apart are judged like those of one host, and each host rescues what it has', async () => {
    for (const host of HOSTS) start(host);
    const made = world({ subvolumes: 2, replicas: 2, directories: 1 });
    const before = { hidden: hiddenOn(made), state: stateOf(made) };
    const one = await onOneHost(made, { reread: true });
    const both = await judged(onBoth(made), { reread: true });
    checkSums(both);
    expect(told(both)).toBe(told(one));
    expect(one.findings.length).toBeGreaterThan(10);
    expect({ hidden: hiddenOn(made), state: stateOf(made) }).toEqual(before);

    const rescue = join(base(), 'bundle/rescue');
    const staging = join(base(), 'staging');
    mkdirSync(staging, { mode: 0o700 });
    const ran = (script: string) => spawnSync('sh', [join(rescue, script), '--apply', staging], { encoding: 'utf8' });
    expect(ran('rescue.sh')).toMatchObject({ status: 2, stderr: expect.stringContaining('rescue-HOST.sh') });
    const scripts = readdirSync(rescue).filter((name) => name.startsWith('rescue-'));
    expect(scripts).toContain('rescue-files1.sh');
    for (const script of scripts) expect(ran(script)).toMatchObject({ status: 0, stderr: '' });
    const toRescue = [...made.truth].filter(([, its]) => its.rescue.length === 1);
    expect(toRescue.length).toBeGreaterThan(0);
    for (const [path, its] of toRescue) {
      const raw = Buffer.from(decodePath(path));
      const onBrick = readFileSync(bytes(made.roots[its.rescue[0] ?? 0] ?? '', '/', raw));
      expect([path, readFileSync(bytes(staging, '/files/', raw)).equals(onBrick)]).toEqual([path, true]);
    }
    expect({ hidden: hiddenOn(made), state: stateOf(made) }).toEqual(before);
  });

  test('a brick of the other host that is away hides nothing that is seen, and nothing is missing', async () => {
    for (const host of HOSTS) start(host);
    const made = world({ subvolumes: 2, replicas: 1, directories: 1 });
    const away = made.roots[1] ?? '';
    renameSync(away, `${away}-away`);
    mkdirSync(away);
    const one = await onOneHost(made);
    const both = await judged(onBoth(made));
    expect(told(both)).toBe(told(one));
    expect(both.verdicts.missing.files + both.verdicts.deleted.files).toBe(0);
    expect(both.incomplete.join(' ')).toContain(`files2:${away}`);
    expect(Object.values(verdicts(both))).toContain('unreadable');
    rmSync(away, { recursive: true });
    renameSync(`${away}-away`, away);
    expect(told(await judged(onBoth(made)))).toBe(told(await onOneHost(made)));
  });

  test('the host that read before is away: the other goes on, and takes up again what is known', async () => {
    for (const host of HOSTS) start(host, 1_500);
    const made = world({ subvolumes: 2, replicas: 2, directories: 1 });
    const whole = verdicts(await judged(onBoth(made)));
    const backups = [{ host: 'files2', pattern: join(base(), 'backup/*') }];
    await stop();
    start('files2', 1_500);
    const alone = await judged(onBoth(made), { backups });
    expect(alone.verdicts.missing.files + alone.verdicts.deleted.files).toBe(0);
    expect(alone.incomplete.join(' ')).toContain('no worker of files1 answers');
    start('files1', 1_500);
    await awake('files1');
    expect(verdicts(await judged(onBoth(made)))).toEqual(whole);
  });

  test('the command names bricks with their hosts, and says what to run on which; alone it is refused', async () => {
    for (const host of HOSTS) start(host);
    const made = world({ subvolumes: 2, replicas: 1, directories: 1 });
    const { host, user, password, database: name } = address;
    const url = `postgresql://${user}:${encodeURIComponent(password)}@/${name}?host=${encodeURIComponent(host)}`;
    const run = (databaseUrl: string, live: string) => {
      const backup = `files1:${join(base(), 'backup/*')}`;
      const words = ['assess', '--live', live, '--backup', backup, '--out', join(base(), 'out')];
      const env = { ...process.env, ROLLCALL_HOST: 'desk', DATABASE_URL: databaseUrl };
      return runs([process.execPath, CLI, ...words], { env });
    };
    expect(await run('', onBoth(made))).toMatchObject({ status: 2, stderr: expect.stringContaining('one catalog') });
    const ran = await run(url, onBoth(made));
    expect(ran, ran.stderr).toMatchObject({ status: 1, stdout: expect.stringContaining('rescue-files1.sh --apply') });
    const readme = readFileSync(join(base(), 'out/README.txt'), 'utf8');
    for (const one of HOSTS) expect(readme).toContain(`rescue-${one}.sh`);
  });

  test('nobody of either host is there: that is said, and nothing is judged', async () => {
    const made = world({ subvolumes: 2, replicas: 1, directories: 1 });
    start('vault', 1_500);
    const result = await answerOf(onBoth(made), { backups: [{ host: 'vault', pattern: join(base(), 'backup/*') }] });
    expect(result).toMatchObject({ exit: 3, message: expect.stringContaining('files1 did not answer') });
  });
});
