// Access times: what Rollcall and restore.sh read keeps the one that it had where the kernel allows that, and is read
// all the same where it does not.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runHeldBack } from '../scan/held-back.ts';
import type { AssessOrder, AssessTold } from './assess-child.ts';
import { program } from '../support/programs.ts';
import { FaultyVolume } from './faulty-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { have } from '../support/machine.ts';

const IS_ROOT = process.getuid?.() === 0;
const DROP = '-fowner';
const LONG_AGO_S = 1_000_000_000;

const catalog = await Catalog.forFile();

function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Older than its mtime, so that also a mount with relatime would move it. */
function age(path: string): void {
  utimesSync(path, LONG_AGO_S, statSync(path).mtimeMs / 1000);
}

const moved = (paths: readonly string[]): string[] =>
  paths.filter((path) => statSync(path).atimeMs !== LONG_AGO_S * 1000);

/** Whether this file system keeps access times at all. */
function keepsThem(directory: string): boolean {
  const path = join(directory, 'control');
  writeFileSync(path, 'read me');
  age(path);
  readFileSync(path);
  return moved([path]).length > 0;
}

describe.skipIf(!IS_ROOT)('as root (skipped without: others may not ask for it)', () => {
  test('an assessment, a restore and its proof move no access time of a file, on either side', async (context) => {
    const house = FaultyVolume.open(catalog, 2);
    if (!keepsThem(house.base))
      context.skip('the temporary directory is mounted noatime: set TMPDIR to one that is not');
    house.fill(3, 10);
    house.write('kept/again', 'what it was');
    for (const night of [1, 2]) house.snapshot(night);
    await house.assess(2);
    house.lose('rooms/1/file1', 'rooms/1/file2');
    house.rot('rooms/2/file3', (content) => Buffer.from(content.map((byte) => byte ^ 1)));
    house.remove('kept/again', 3);
    house.write('kept/again', 'made anew by somebody', 3);
    const backup = filesBelow(join(house.base, 'backup'));
    const live = filesBelow(house.live).filter((path) => !path.endsWith('rooms/2/file3'));
    for (const path of [...backup, ...live, house.at('rooms/2/file3').toString()]) age(path);
    const { bundle } = await house.assess(3, { reread: true });
    if (bundle === null) throw new Error('there is no bundle');
    expect(moved([...backup, ...live, house.at('rooms/2/file3').toString()])).toEqual([]);
    const ran = house.restore(bundle.directory, '--apply', '--damaged');
    expect(ran.code, ran.output).toBe(0);
    expect(moved(backup)).toEqual([]);
    await house.verify(bundle.directory, 4);
    expect(moved([...backup, ...live])).toEqual([]);
  });

  test.skipIf(!have('setpriv'))(
    "where it is refused (no CAP_FOWNER, others' files) reading goes on, in an assessment and in restore.sh",
    async () => {
      const house = FaultyVolume.open(catalog, 2);
      house.fill(2, 4);
      for (const night of [1, 2]) house.snapshot(night);
      house.lose('rooms/1/file1');
      for (const root of [house.live, join(house.base, 'backup')])
        for (const path of filesBelow(root)) {
          chmodSync(path, 0o644);
          chownSync(path, 4711, 4711);
        }
      const place = realpathSync(mkdtempSync(join(house.base, 'socket-')));
      const cwd = join(house.base, 'bundles');
      const out = await runHeldBack(
        catalog.address,
        place,
        program('faults/assess-child'),
        (address): AssessOrder => ({
          address,
          live: house.live,
          backup: house.pattern,
          cwd,
          offsetMs: house.nowMs(3) - Date.now(),
        }),
        DROP,
      );
      expect(JSON.parse(out) as AssessTold).toMatchObject({
        exit: 1,
        intact: 7,
        findings: { 'rooms/1/file1': 'missing exact' },
      });
      const [bundle = ''] = readdirSync(cwd);
      // Without that right nobody can give the file its owner and time, either: a partial failure. Its content is
      // there.
      const script = ['sh', join(cwd, bundle, 'restore.sh'), '--apply', house.live];
      spawnSync('setpriv', [`--bounding-set=${DROP}`, `--inh-caps=${DROP}`, ...script]);
      expect(readFileSync(house.at('rooms/1/file1'), 'utf8')).toContain('what stands in file 1 of 1');
    },
  );
});
