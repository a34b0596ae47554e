// A disk that fills up under what a person asked for: a bundle, an export, a list. It is whole or not there, and the
// same command goes on when there is room.
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { EXIT } from '../../domain/exit.ts';
import { cutBundle } from '../../services/bundle.ts';
import { scan, type ScanResult } from '../../services/scan.ts';
import { exportManifest, type ManifestSummary } from '../../services/export.ts';
import { disk } from '../support/disk.ts';
import { refusal } from '../support/refusal.ts';
import { FaultyVolume } from './faulty-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { canMount, run } from '../support/machine.ts';

const catalog = await Catalog.forFile();
let house: FaultyVolume;

beforeEach(() => {
  house = FaultyVolume.open(catalog, 2);
  house.fill(4, 40);
  for (const night of [1, 2]) house.snapshot(night);
  for (let file = 0; file < 40; file += 2) house.lose(`rooms/2/file${file}`);
});

/** How much of what is needed there is room for. */
const PARTS = [0, 0.4, 0.9];
const BLOCK = 1024;

/** An ext4 of its own, and a file on it that leaves so many bytes free. */
function small(): { at: string; leave: (bytes: number) => void; free: () => void } {
  const options = ['-b', String(BLOCK), '-m', '0', '-O', '^has_journal'];
  const { at } = disk(house.base, { name: 'small', size: '3M', options });
  rmSync(join(at, 'lost+found'), { recursive: true });
  const ballast = join(at, 'ballast');
  const leave = (bytes: number): void => {
    const fd = openSync(ballast, 'w');
    let written = 0;
    // What was held back for the map of blocks is given back when they are on disk: again, until no more goes in.
    for (let before = -1; before < written; fsyncSync(fd)) {
      before = written;
      try {
        for (;;) written += writeSync(fd, Buffer.alloc(BLOCK));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
    ftruncateSync(fd, Math.max(0, written - bytes));
    closeSync(fd);
  };
  return { at, leave, free: () => rmSync(ballast) };
}

const names = (at: string): string[] => readdirSync(at).filter((name) => name !== 'ballast');
const FULL = {
  exit: EXIT.failure,
  message: expect.stringMatching(/disk is full/),
  next: expect.stringMatching(/another disk/),
};

describe.skipIf(!canMount)('a disk that is full (skipped where this process may not mount)', () => {
  test('below --out: no half bundle, exit 2, and the same command writes it when there is room', async () => {
    const { at, leave, free } = small();
    const outDir = join(at, 'bundle');
    await house.assess(3, { outDir });
    const needed = Number(run('du', '-sB', String(BLOCK), outDir).split('\t')[0]) * BLOCK;
    rmSync(outDir, { recursive: true });
    for (const [n, part] of PARTS.entries()) {
      leave(Math.floor(needed * part));
      await expect(house.assess(3.1 + n / 100, { outDir }), `room for ${part} of it`).rejects.toMatchObject(FULL);
      expect(names(at)).toEqual([]);
    }
    free();
    const { bundle, exit } = await house.assess(3.5, { outDir });
    expect([exit, bundle?.directory]).toEqual([EXIT.findings, outDir]);
    expect(house.restore(outDir, '--apply')).toMatchObject({ code: 0 });
    expect((await house.verify(outDir, 3.6)).result.counts.restored.files).toBe(20);
  });

  /** A place that has too few inodes for the bundle of an assessment, which was tried. */
  async function withoutInodes(): Promise<string> {
    const at = join(house.base, 'few');
    mkdirSync(at);
    run('mount', '-t', 'tmpfs', '-o', 'size=8m,nr_inodes=9', 'rollcall-test', at);
    onTestFinished(() => void run('umount', '-l', at));
    await expect(house.assess(3, { outDir: join(at, 'bundle') })).rejects.toMatchObject(FULL);
    return at;
  }

  test('of inodes below --out is no other', async () => {
    const at = await withoutInodes();
    expect(readdirSync(at)).toEqual([]);
    run('mount', '-o', 'remount,nr_inodes=200', at);
    expect((await house.assess(3.1, { outDir: join(at, 'bundle') })).exit).toBe(EXIT.findings);
  });

  test('below --out leaves an assessment without a bundle, and `bundle` says so instead of that nothing was lost', async () => {
    await withoutInodes();
    const part = { paths: [], owners: [], newestFirst: false, bytesMax: null, filesMax: null };
    const asked = {
      from: house.live,
      part,
      uncertain: false,
      rest: false,
      outDir: join(house.base, 'cut'),
      notGluster: false,
    };
    const tools = { ...house.tools(3.1), cwd: '/', program: 'rollcall', owners: new Map<number, string>() };
    const { message, next } = await refusal(
      cutBundle({ ...tools, onProgress: () => undefined }, { ...asked, bricksRescued: false }, async () => catalog.db),
    );
    expect(message).toMatch(/bundle .*was not written/);
    expect(next).toContain(`rollcall assess --live ${house.live} --backup '${house.pattern}'`);
  });

  const scanned = (night: number, exportFile: string): Promise<ScanResult> =>
    scan(
      { ...house.tools(night), cwd: house.base, stateDir: null, onPlan: () => {} },
      {
        target: house.pattern,
        role: null,
        exportFile,
        snapshotsMax: null,
        excludes: [],
        crossMounts: false,
        tz: 'UTC',
        reread: false,
        newState: false,
        notGluster: false,
        bricksRescued: false,
      },
    );
  const listed = (_night: number, file: string): Promise<ManifestSummary> =>
    exportManifest(
      {
        db: catalog.db,
        host: 'here',
        cwd: '/',
        signal: new AbortController().signal,
        write: () => {},
        onRefused: () => {},
      },
      {
        state: { volume: house.live, asOf: null, snapshot: null },
        format: 'jsonl',
        against: null,
        zero: false,
        file,
        overwrite: false,
      },
    );

  test.each([
    ['scan --export', scanned],
    ['export -o', listed],
  ] as const)(
    'below %s: no half file, exit 2, and the same command writes it when there is room',
    async (_what, write) => {
      await house.assess(3);
      const elsewhere = join(house.base, 'elsewhere');
      await write(3.1, elsewhere);
      const needed = statSync(elsewhere).size;
      const { at, leave, free } = small();
      const file = join(at, 'file');
      for (const [n, part] of PARTS.entries()) {
        leave(Math.floor(needed * part));
        await expect(write(3.2 + n / 100, file), `room for ${part} of it`).rejects.toMatchObject(FULL);
        expect(names(at)).toEqual([]);
      }
      free();
      await write(3.5, file);
      // With more scans than the first one, and as whole.
      expect(statSync(file).size).toBeGreaterThan(needed * 0.9);
    },
  );
});
