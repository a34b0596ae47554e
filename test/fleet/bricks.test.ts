// A volume whose bricks lie on two hosts, read by the workers of both: a host that says nothing makes what may be there
// unknown, and nothing missing. That they are judged like the same bricks on one host takes longer: bricks.long.ts.
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { verdicts } from '../support/answers.ts';
import { setsTrusted } from '../support/brick-volume.ts';
import { brickHosts, onBoth } from './brick-hosts.ts';

vi.setConfig({ testTimeout: 120_000 });

const { base, start, world, judged } = await brickHosts();

describe.skipIf(!setsTrusted)('bricks on two hosts (root and attr needed)', () => {
  test('a host says nothing: its bricks are unknown, and the rest is judged by the other', async () => {
    const made = world({ subvolumes: 2, replicas: 1, directories: 1 });
    start('files2', 1_500);
    const both = await judged(onBoth(made), { backups: [{ host: 'files2', pattern: join(base(), 'backup/*') }] });
    expect(both.verdicts.missing.files + both.verdicts.deleted.files).toBe(0);
    expect(both.incomplete.join(' ')).toContain('no worker of files1 answers');
    const found = verdicts(both);
    const plain = [...made.truth].filter(([, its]) => its.state === 'where its hash leads');
    for (const [path, its] of plain)
      expect([path, found[path] ?? 'nothing']).toEqual([path, its.holder === 1 ? 'nothing' : 'unreadable']);
  });
});
