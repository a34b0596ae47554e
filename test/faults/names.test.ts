// Fault catalogue, names: bytes that have broken other tools go the whole way, from the walk to the restored and proved
// file.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { encodePath } from '../../domain/path.ts';
import { pathsInBundle, shown } from './shown.ts';
import { Catalog } from '../support/catalog.ts';
import { HOSTILE_NAMES, survey, text as textOf } from '../support/tree.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();
let house: Volume;

afterEach(() => {
  // Node's rmSync does not take paths beyond PATH_MAX.
  execFileSync('rm', ['-rf', '--one-file-system', '--', house.base]);
});

const NAMES: readonly Buffer[] = [
  ...HOSTILE_NAMES.map(([name]) => name),
  ...['carriage\rreturn', 'comma,separated,values', ',', 'ends in \\', '"quoted"', '${IFS}', '~', '[x]', '{a,b}'].map(
    (name) => Buffer.from(name),
  ),
  // Two halves of a surrogate pair in a row: UTF-8 as it must not be.
  Buffer.from('eda080edb080', 'hex'),
  Buffer.from('right\u200eto\u202bleft\u2066'),
];

const below = (directory: string, name: Uint8Array, rest = ''): Buffer =>
  Buffer.concat([Buffer.from(`${directory}/`), name, Buffer.from(rest)]);

test('newlines, tabs, escapes, blanks, quotes, commas, bytes that are not UTF-8, 255 bytes: judged, lost, restored and proved as they are', async () => {
  house = new Volume(catalog, 3);
  house.write('still', 'here');
  for (const name of NAMES) {
    house.write(below('names', name), Buffer.concat([Buffer.from('content of '), name]));
    house.write(below('dirs', name, '/f'), Buffer.concat([Buffer.from('below '), name]));
  }
  for (const night of [1, 2]) house.snapshot(night);
  const n = NAMES.length;
  // The directory that stays gets the time of the restore.
  const contents = (): string[] => textOf(new Map([...survey(house.live)].filter(([path]) => path !== 'names')));
  const before = contents();

  const quiet = await house.assess(3);
  expect(house.report(quiet)).toMatchObject({ exit: 0, verdicts: { intact: 2 * n + 1 }, findings: {} });
  expect(shown(quiet).text).toContain(`Nothing to report: ${2 * n + 1} files`);

  house.lose('dirs');
  for (const name of NAMES) house.lose(below('names', name));
  const lost = await house.assess(4);
  const report = house.report(lost);
  expect(report).toMatchObject({ exit: 1, verdicts: { missing: 2 * n, intact: 1 }, recovery: { exact: 2 * n } });
  expect(report.directories).toEqual({ missing: n + 1, intact: 1 });
  for (const told of Object.values(report.findings))
    expect(told).toMatch(/^missing exact from night 2 (silent|unknown)$/);
  const gone = [
    Buffer.from('dirs'),
    ...NAMES.flatMap((name) => [below('names', name), below('dirs', name), below('dirs', name, '/f')]),
  ];
  expect(pathsInBundle(lost)).toEqual(gone.map((path) => path.toString('hex')).sort());
  expect(shown(lost).text).toContain('restore.sh');

  const ran = house.restore(lost.bundle?.directory ?? '', '--apply');
  expect(ran.code, ran.output).toBe(0);
  expect(ran.output).not.toMatch(/(?!\n)\p{Cc}/u);
  expect(contents()).toEqual(before);
  expect(readdirSync(join(house.base, 'bundles'))).toEqual(['2']);
  expect((await house.verify(lost.bundle?.directory ?? '', 4)).result).toMatchObject({ exit: 0 });
  expect((await house.assess(5)).exit).toBe(0);
});

test('NFC beside NFD and names that differ in case are two names each: one that is lost is not its twin, and one that changes its form has moved', async () => {
  house = new Volume(catalog, 3);
  const twins = {
    'forms/\u00e9': 'composed',
    'forms/e\u0301': 'decomposed',
    'cases/Twin': 'same',
    'cases/twin': 'same',
  };
  for (const [path, content] of Object.entries(twins)) house.write(path, content);
  house.write('mac/\u00fcber', 'carried over by a Mac');
  for (const night of [1, 2]) house.snapshot(night);
  expect(house.report(await house.assess(3))).toMatchObject({ exit: 0, verdicts: { intact: 5 } });

  house.lose('forms/e\u0301', 'cases/twin');
  house.rename('mac/\u00fcber', 'mac/u\u0308ber', 3.5);
  const result = await house.assess(4);
  expect(house.report(result)).toMatchObject({
    exit: 1,
    verdicts: { missing: 2, moved: 1, new: 1, intact: 2 },
    findings: {
      'forms/e\u0301': 'missing exact from night 2 silent',
      'cases/twin': 'missing exact from night 2 silent',
      'mac/\u00fcber': 'moved to mac/u\u0308ber (name form)',
      'mac/u\u0308ber': 'new (target of a move)',
    },
  });
  expect(house.restore(result.bundle?.directory ?? '', '--apply')).toMatchObject({ code: 0 });
  for (const [path, content] of Object.entries(twins)) expect(readFileSync(house.at(path), 'utf8')).toBe(content);
  expect(readdirSync(house.at('forms'))).toHaveLength(2);
  expect(house.report(await house.assess(5))).toMatchObject({ exit: 0, verdicts: { intact: 4, moved: 1, new: 1 } });
});

/** Two halves, each short enough for a path, joined by a rename: nothing could make the whole at once. */
function makeDeep(root: string, mtime: number): void {
  const part = (letter: string, levels: number): string =>
    Array.from({ length: levels }, (_, i) => `${letter}${String(i).padStart(2, '0')}`.padEnd(250, letter)).join('/');
  const [upper, lower] = [join(root, part('a', 12)), join(root, part('b', 9))];
  mkdirSync(upper, { recursive: true });
  mkdirSync(lower, { recursive: true });
  for (const file of [join(dirname(upper), 'shallow'), join(lower, 'deep')]) {
    writeFileSync(file, `stands in ${file.slice(-7)}`);
    utimesSync(file, mtime, mtime);
  }
  renameSync(join(root, part('b', 1)), join(upper, part('b', 1)));
}

test('a path beyond 4,096 bytes is walked and judged; what no rsync takes is refused by name, and the advice to copy it by hand holds', async () => {
  house = new Volume(catalog, 3);
  house.write('still', 'here');
  for (const night of [1, 2]) house.snapshot(night);
  const mtime = house.startMs / 1000;
  for (const root of [house.live, house.snapshotRoot(1), house.snapshotRoot(2)]) makeDeep(root, mtime);
  house.stamp('', 0);
  expect(house.report(await house.assess(3))).toMatchObject({
    exit: 0,
    verdicts: { intact: 3 },
    directories: { intact: 21 },
  });

  const [top = ''] = readdirSync(house.live).filter((name) => name.startsWith('a00'));
  house.silently(top, (raw) => void execFileSync('rm', ['-rf', '--', raw.toString()]));
  const lost = await house.assess(4);
  expect(house.report(lost)).toMatchObject({
    exit: 1,
    verdicts: { missing: 2, intact: 1 },
    directories: { missing: 21 },
    recovery: { exact: 2 },
  });
  const { text, json } = shown(lost);
  const why = '1 file and 6 directories are not restored automatically (its path is too long for rsync).';
  expect(text).toContain(why);
  expect(json['bundle']).toMatchObject({
    left_out: [{ why: 'its path is too long for rsync', files: 1, directories: 6 }],
  });
  const readme = readFileSync(join(lost.bundle?.directory ?? '', 'README.txt'), 'utf8').replaceAll(/\s+/g, ' ');
  expect(readme).toContain(`${why} Copy these by hand: enter the directory`);

  expect(house.restore(lost.bundle?.directory ?? '', '--apply')).toMatchObject({ code: 0 });
  expect((await house.verify(lost.bundle?.directory ?? '', 4)).result).toMatchObject({ exit: 0 });
  const rest = await house.assess(5);
  expect(house.report(rest)).toMatchObject({
    exit: 1,
    verdicts: { missing: 1, intact: 2 },
    directories: { missing: 6 },
  });
  expect(shown(rest).text).toContain('restore.sh can restore none of it. Next, what else can be done: cat ');

  const byHand = `enter() { while cd a* 2>/dev/null; do :; done; cd b00* && cd b01* && cd b02* && pwd >/dev/null; }
    (cd "$1" && enter && tar -cf - b03*) | (cd "$2" && enter && tar -xpf -)`;
  execFileSync('sh', ['-c', byHand, 'sh', house.snapshotRoot(2), house.live]);
  expect(house.report(await house.assess(6))).toMatchObject({ exit: 0, verdicts: { intact: 3 } });
});

test('a root whose path is the beginning of another, and a directory whose name is, are not taken for one another', async () => {
  house = new Volume(catalog, 3);
  const near = ['a', 'ab', 'a b', 'a.b', 'a-', 'a\u0001'];
  for (const name of near) house.write(`${name}/${name}/f`, `below ${name}`);
  for (const name of near) house.write(`${name}/g`, `beside ${name}`);
  for (const night of [1, 2]) house.snapshot(night);
  const volume = (name: string): { live: string; backups: string[] } => ({
    live: join(house.live, name),
    backups: [join(house.base, 'backup/*', name)],
  });
  for (const name of ['a', 'ab']) expect((await house.assess(3, volume(name))).exit).toBe(0);

  house.lose('ab/g', 'a/a');
  // A name beside the volume is not inside it.
  const outDir = join(house.live, 'abc');
  const ab = await house.assess(4, { ...volume('ab'), outDir });
  expect(house.report({ ...ab, bundle: null }).findings).toEqual({ g: 'missing exact from night 2 silent' });
  const whole = await house.assess(4, { excludes: ['/abc', '/a-'] });
  expect(house.report(whole).findings).toEqual({
    'a/a': 'missing exact from night 2 silent',
    'a/a/f': 'missing exact from night 2 silent',
    'ab/g': 'missing exact from night 2 silent',
  });
  expect(house.report(whole).universe).toBe('10 files, 10 directories');
  expect(encodePath(Buffer.from(near[5] ?? ''))).toBe('a\\x01');
});
