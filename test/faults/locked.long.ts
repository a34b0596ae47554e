// A directory that fscrypt has locked lists other names than those that it holds: it is a gap, and nothing in it is
// called lost or new.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { disk } from '../support/disk.ts';
import { FaultyVolume } from './faulty-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { canMount, run } from '../support/machine.ts';

const catalog = await Catalog.forFile();

/**
 * Node knows no ioctl: adds a key to a mounted file system, encrypts an empty directory with it, takes the key away.
 * Source: linux/fscrypt.h.
 */
const FSCRYPT = `
import sys, os, fcntl, struct
def io(d, n, size, nr, buf):
    fd = os.open(d, os.O_RDONLY); fcntl.ioctl(fd, (n << 30) | (size << 16) | (ord('f') << 8) | nr, buf, n == 3 and True); os.close(fd)
def add(m):
    b = bytearray(struct.pack('II32s', 2, 0, b'\\0' * 32) + struct.pack('II8I', 64, 0, *([0] * 8)) + b'k' * 64); io(m, 3, 80, 23, b); return bytes(b[8:24])
i = add(sys.argv[2])
if sys.argv[1] == 'encrypt':
    io(sys.argv[3], 2, 12, 19, struct.pack('BBBBB3s16s', 2, 1, 4, 2, 0, b'\\0\\0\\0', i))
elif sys.argv[1] == 'lock':
    b = bytearray(struct.pack('II32s', 2, 0, i + b'\\0' * 16) + struct.pack('I5I', 0, *([0] * 5))); io(sys.argv[2], 3, len(b), 24, b)
`;

function fscrypt(act: 'encrypt' | 'lock' | 'unlock', ...paths: readonly string[]): void {
  execFileSync('python3', ['-c', FSCRYPT, act, ...paths], { stdio: 'pipe' });
  run('sync');
  if (act === 'lock') writeFileSync('/proc/sys/vm/drop_caches', '2');
}

const canTry = canMount && spawnSync('python3', ['--version']).status === 0;

test.skipIf(!canTry)(
  'a locked directory and all below it are unknown, not missing, and back when it is unlocked (skipped without mounts or python3)',
  async (context) => {
    const house = FaultyVolume.open(catalog, 2);
    const { at } = disk(house.base, { at: house.live, size: '32M', options: ['-O', 'encrypt'] });
    house.stamp('', 0);
    mkdirSync(join(at, 'private'));
    try {
      fscrypt('encrypt', at, join(at, 'private'));
    } catch {
      context.skip('this kernel has no fscrypt');
    }
    // Only a directory stands at the top: its name alone tells nothing.
    for (let i = 0; i < 6; i++) {
      house.write(`private/docs/letter${i}`, `secret ${i}`);
      house.write(`open/letter${i}`, `for all ${i}`);
    }
    for (const night of [1, 2]) house.snapshot(night);
    fscrypt('lock', at);
    const first = await house.assess(2.1);
    expect(first.assessment.verdicts).toMatchObject({
      missing: { files: 0 },
      new: { files: 0 },
      unreadable: { files: 6 },
      intact: { files: 6 },
    });
    expect(first.exit).toBe(3);
    expect(first.assessment.incomplete).toContain(
      'live: private could not be read (locked by fscrypt: unlock it, then run again); everything below it is unknown.',
    );
    expect(first.assessment.conditions.filter(({ code }) => code === 'denied')).toEqual([]);

    fscrypt('unlock', at);
    const unlocked = await house.assess(2.2);
    expect(unlocked.assessment.verdicts).toMatchObject({ intact: { files: 12 } });
    expect(unlocked.exit).toBe(0);

    // Now the names are known from live, too.
    fscrypt('lock', at);
    const again = await house.assess(2.3);
    expect(again.assessment.verdicts).toMatchObject({ missing: { files: 0 }, unreadable: { files: 6 } });
  },
);
