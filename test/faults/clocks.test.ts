// Fault catalogue, clocks: times of files that are odd, coarse or yet to come, and a clock of the machine that jumps.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shown } from './shown.ts';
import { Catalog } from '../support/catalog.ts';
import { survey, text as textOf } from '../support/tree.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();

/** In s since 1970, with as many digits as are meant. */
const TIMES = [
  '0',
  '-1',
  '-1.000000001',
  '-1234567890.75',
  '0.123456789',
  '1700000000.123456789',
  '1700000001.999999999',
  '1700000003.000000100',
  '2147483648.5',
  '4102444800.250000000',
];

/** Sets a time to the nanosecond, which utimes does not. */
function touch(path: string, time: string): void {
  execFileSync('touch', ['-h', '-d', `@${time}`, '--', path]);
}

test('mtimes to the nanosecond, before 1970 and in the future are kept and restored; copies that keep 1 s, 2 s or 100 ns are the same files', async () => {
  const house = Volume.open(catalog, 5);
  house.write('still', 'here');
  for (const [i, time] of TIMES.entries()) {
    house.write(`files/${i}`, `at ${time}`);
    house.write(`dirs/${i}/f`, `below ${time}`);
    touch(join(house.live, `files/${i}`), time);
    touch(join(house.live, `dirs/${i}`), time);
  }
  // The first three nights went to file systems that keep less of a time.
  const coarse: Readonly<Record<number, bigint>> = { 1: 1_000_000_000n, 2: 2_000_000_000n, 3: 100n };
  for (const night of [1, 2, 3, 4]) {
    const root = house.snapshot(night);
    const tick = coarse[night];
    if (tick === undefined) continue;
    for (const name of readdirSync(join(root, 'files'))) {
      const ns = lstatSync(join(root, 'files', name), { bigint: true }).mtimeNs;
      const kept = ns - (((ns % tick) + tick) % tick);
      touch(
        join(root, 'files', name),
        `${kept < 0n ? '-' : ''}${String(kept < 0n ? -kept : kept)
          .padStart(10, '0')
          .replace(/(?=\d{9}$)/, '.')}`,
      );
    }
  }
  const contents = (): string[] => textOf(survey(house.live));
  const before = contents();
  const n = 2 * TIMES.length + 1;
  expect(house.report(await house.assess(5))).toMatchObject({ exit: 0, verdicts: { intact: n }, findings: {} });

  house.lose('files', 'dirs');
  const lost = await house.assess(6);
  expect(house.report(lost)).toMatchObject({
    exit: 1,
    verdicts: { missing: n - 1, intact: 1 },
    recovery: { exact: n - 1 },
  });
  const ran = house.restore(lost.bundle?.directory ?? '', '--apply');
  expect(ran.code, ran.output).toBe(0);
  expect(contents()).toEqual(before);
  expect((await house.verify(lost.bundle?.directory ?? '', 6)).result).toMatchObject({ exit: 0, metadataDiffers: 0 });
  expect(house.report(await house.assess(7))).toMatchObject({ exit: 0, verdicts: { intact: n } });
});

test('a clock that jumps back behind the snapshots, and forward by a month, neither hides a loss nor makes one', async () => {
  const house = Volume.open(catalog, 5);
  for (let i = 0; i < 6; i++) house.write(`desk/${i}`, `what stands in ${i}`);
  for (const night of [1, 2, 3, 4]) house.snapshot(night);
  expect((await house.assess(5)).exit).toBe(0);

  house.lose('desk/0');
  const back = await house.assess(2);
  expect(shown(back).text).toContain('2 of 4 snapshots of');
  expect(shown(back).text).toContain('are dated after now');
  expect(house.report(back)).toMatchObject({ exit: 1, verdicts: { missing: 1, intact: 5 }, recovery: { exact: 1 } });
  house.lose('desk/1');
  const forward = await house.assess(35);
  expect(house.report(forward)).toMatchObject({
    exit: 1,
    verdicts: { missing: 2, intact: 4 },
    recovery: { exact: 2 },
    findings: {
      'desk/0': expect.stringMatching(/^missing exact from night \d/) as string,
      'desk/1': expect.stringMatching(/^missing exact from night \d/) as string,
    },
  });
  house.lose('desk/2');
  const again = await house.assess(6);
  expect(house.report(again)).toMatchObject({ exit: 1, verdicts: { missing: 3, intact: 3 }, recovery: { exact: 3 } });
  expect(house.restore(again.bundle?.directory ?? '', '--apply')).toMatchObject({ code: 0 });
  expect(house.report(await house.assess(7))).toMatchObject({ exit: 0, verdicts: { intact: 6 } });
});

test('a change of ctime alone, or another inode with the same content, is no finding; other content behind the same size and mtime is', async () => {
  const house = Volume.open(catalog, 4);
  for (const name of ['mode', 'linked', 'copied', 'swapped', 'racy'])
    house.write(`desk/${name}`, `the words of ${name}`);
  for (const night of [1, 2, 3]) house.snapshot(night);
  expect((await house.assess(4)).exit).toBe(0);

  const at = (name: string): string => join(house.live, 'desk', name);
  house.silently('desk/x', () => {
    chmodSync(at('mode'), 0o600);
    linkSync(at('linked'), at('another name'));
    rmSync(at('another name'));
    execFileSync('cp', ['-p', '--', at('copied'), at('copy')]);
    renameSync(at('copy'), at('copied'));
  });
  expect(house.report(await house.assess(5))).toMatchObject({ exit: 0, verdicts: { intact: 5 }, findings: {} });

  const { atimeMs, mtimeMs } = lstatSync(at('swapped'));
  house.silently('desk/x', () => {
    writeFileSync(at('copy'), 'the words of SWAPPED');
    utimesSync(at('copy'), atimeMs / 1000, mtimeMs / 1000);
    renameSync(at('copy'), at('swapped'));
  });
  // Written again within the tick in which the last assessment read it.
  house.rot('desk/racy', (content) => Buffer.from(content.toString().replace('words', 'sword')));
  expect(house.report(await house.assess(6))).toMatchObject({
    exit: 1,
    verdicts: { corrupt: 2, intact: 3 },
    recovery: { exact: 2 },
    findings: {
      'desk/racy': 'corrupt exact from night 3 silent (rewritten under its old time)',
      'desk/swapped': 'corrupt exact from night 3 silent',
    },
  });
});

test('half-written uploads, temporary names and .nfs files are named like any other: new while they stand, and when they go by themselves nothing is restored unasked', async () => {
  const house = Volume.open(catalog, 4);
  // Directories that nothing happens to show that this backup keeps their times.
  house.furnish();
  const temporary = [
    '.report.odt.Ab12Cd',
    '.nfs0000000000c0ffee00000001',
    'upload.part',
    '.~lock.plan.odt#',
    '~$plan.docx',
  ];
  for (const i of temporary.keys()) house.write(`desk${i}/stays`, `what stands in ${i}`);
  for (const night of [1, 2]) house.snapshot(night);
  const paths = temporary.map((name, i) => `desk${i}/${name}`);
  for (const path of paths) house.write(path, `half of ${path}`, 2.5);
  house.snapshot(3);
  for (const path of paths) house.remove(path, 3.5);
  house.write('desk0/.upload2.Xy34Zz', 'half', 3.6);
  const told = (of: string): Record<string, string> => ({
    ...Object.fromEntries(paths.map((path) => [path, of])),
    'desk0/.upload2.Xy34Zz': 'new',
  });
  expect(house.report(await house.assess(4))).toMatchObject({
    exit: 0,
    verdicts: { deleted: 5, new: 1, intact: 17 },
    findings: told('deleted person'),
    lists: null,
  });
  const result = await house.assess(4.1, { sinceMs: house.nowMs(2) });
  expect(house.report(result)).toMatchObject({
    exit: 1,
    verdicts: { missing: 5, new: 1, intact: 17 },
    findings: told('missing exact from night 3 person'),
  });
  expect(shown(result).text).toContain(
    'A person probably deleted everything that can be restored. If that was a mistake, start with this dry run',
  );
  const ran = house.restore(result.bundle?.directory ?? '', '--apply');
  expect(ran.code, ran.output).toBe(0);
  for (const path of paths) expect(existsSync(house.at(path))).toBe(false);
});
