// Lists that the real tools print, and lists that somebody's editor, shell or disk has been at.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePath } from '../../domain/path.ts';
import { digestLine } from '../../services/exchange/list-lines.ts';
import { type ReadList, readList, type ReadOptions } from '../../services/exchange/read-list.ts';
import { BREAKING_NAMES, bytesOfName, HARD_NAMES, missing, printed, run, writeNamed } from './tools.ts';
import { fc } from '../support/random.ts';

const PLAIN: ReadOptions = { format: null, root: null, volumeRoot: '/srv/data', below: '', side: null };
const read = (text: string | Buffer, options: Partial<ReadOptions> = {}): ReadList =>
  readList(typeof text === 'string' ? Buffer.from(text) : text, { ...PLAIN, ...options });
const paths = (list: ReadList): string[] => list.files.map(({ path }) => path).sort();
const whys = (list: ReadList): string[] => list.problems.map(({ line, why }) => `${line}: ${why}`);
const printable = (names: readonly string[]): string[] => names.map((name) => encodePath(bytesOfName(name))).sort();
const D = '0123456789abcdef';

describe('what borg lists as {xxh64} {path}', () => {
  test('gives names and digests; directories, links and further names of one file have none, and are counted', () => {
    const list = read(` srv/data\n${D} srv/data/a  b\n srv/data/link\n${D} srv/data/*\n`, { root: 'srv/data' });
    expect(whys(list)).toEqual([]);
    expect(list).toMatchObject({ format: 'borg', undigested: 2 });
    expect(list.files.map(({ path, digest }) => [path, digest])).toEqual([
      ['a  b', 0x0123456789abcdefn],
      ['*', 0x0123456789abcdefn],
    ]);
  });

  test('is told from a checksum file by its single space, also where a name begins with a space or an asterisk', () => {
    expect(paths(read(`${D}  odd\n${D} plain\n${D} *\n`))).toEqual([' odd', '*', 'plain']);
    expect(read(`${D}  odd\n${D} *plain\n`)).toMatchObject({ format: 'checksum' });
  });

  test('with a name that holds a line feed is refused by lines, and read where lines end with NUL', () => {
    expect(whys(read(`${D} a\nb\n`, { format: 'borg' }))).toEqual([expect.stringMatching(/^2: it is not a line/)]);
    expect(paths(read(`${D} a\nb\0 d\0`))).toEqual(['a\\x0ab']);
  });
});

describe('what real tools print of the hardest names', () => {
  let root: string;
  let breaking: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'rollcall-list-'));
    breaking = mkdtempSync(join(tmpdir(), 'rollcall-list-'));
    for (const name of HARD_NAMES) writeNamed(root, name, `content of ${name}`);
    for (const name of [...HARD_NAMES, ...BREAKING_NAMES]) writeNamed(breaking, name, `content of ${name}`);
  });
  afterAll(() => {
    rmSync(root, { recursive: true });
    rmSync(breaking, { recursive: true });
  });

  test.skipIf(missing('xxhsum'))('xxhsum, in both layouts and both byte orders, gives names and digests', () => {
    const plain = read(printed(root, ['xxhsum']));
    expect(whys(plain)).toEqual([]);
    expect(paths(plain)).toEqual(printable(HARD_NAMES));
    expect(plain.files.every(({ digest, size }) => digest !== null && size === null)).toBe(true);
    const sorted = (list: ReadList): unknown[] => list.files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    for (const tag of [['--tag'], ['--tag', '--little-endian']])
      expect(sorted(read(printed(root, ['xxhsum', ...tag])))).toEqual(sorted(plain));
  });

  test.skipIf(missing('xxhsum'))(
    'other digests of xxhsum tell that the files were there, and nothing of what they held',
    () => {
      for (const [option, algorithm] of [
        ['-H0', 'XXH32 or CRC-32'],
        ['-H2', 'MD5 or XXH128'],
        ['-H3', 'XXH3'],
      ] as const) {
        const list = read(printed(root, ['xxhsum', option]));
        expect(paths(list)).toEqual(printable(HARD_NAMES));
        expect(list.files.every(({ digest }) => digest === null)).toBe(true);
        expect(list.foreign).toEqual({ [algorithm]: HARD_NAMES.length });
      }
      expect(read(`XXH3_${D}  a\n`).foreign).toEqual({ XXH3: 1 });
    },
  );

  test('md5sum and sha256sum hold every name, escaped, tagged or ended by NUL', () => {
    const all = printable([...HARD_NAMES, ...BREAKING_NAMES]);
    for (const command of [
      ['md5sum'],
      ['sha256sum', '--tag'],
      ['md5sum', '-z'],
      ['sha1sum', '-b'],
      ['b2sum', '--tag'],
    ]) {
      const list = read(printed(breaking, command));
      expect(whys(list)).toEqual([]);
      expect(paths(list)).toEqual(all);
    }
  });

  test.skipIf(missing('xxhsum'))(
    'an xxhsum that does not escape breaks its own list: the lines are told, and nothing is guessed',
    () => {
      const list = read(printed(breaking, ['xxhsum']));
      expect(list.problems.length).toBeGreaterThan(0);
      expect(paths(list).filter((path) => !printable(HARD_NAMES).includes(path))).toEqual(
        ['\\x0a', 'both\\\\and', 'cr\\x0din', 'new'].filter((path) => paths(list).includes(path)),
      );
    },
  );

  test.skipIf(missing('hashdeep'))('hashdeep gives sizes and names, absolute ones below the root', () => {
    const relative = read(run(root, ['hashdeep', '-l', '-r', '.']).stdout);
    expect(whys(relative)).toEqual([]);
    expect(paths(relative)).toEqual(printable(HARD_NAMES));
    expect(relative.files.every(({ digest, size }) => digest === null && size !== null)).toBe(true);
    expect(relative.foreign).toEqual({ 'md5, sha256': HARD_NAMES.length });
    const absolute = run(root, ['hashdeep', '-c', 'sha1', '-r', root]).stdout;
    expect(paths(read(absolute, { volumeRoot: root }))).toEqual(printable(HARD_NAMES));
    expect(paths(read(absolute, { root }))).toEqual(printable(HARD_NAMES));
    expect(read(absolute).problems).toHaveLength(HARD_NAMES.length);
    expect(read(run(breaking, ['hashdeep', '-l', '-r', '.']).stdout).problems.length).toBeGreaterThan(0);
  });

  test.skipIf(missing('rclone'))('rclone gives names, and the ones that it mangles are told and not believed', () => {
    for (const [command, format] of [
      [['rclone', 'hashsum', 'MD5', '.'], null],
      [['rclone', 'lsf', '-R', '--files-only', '.'], 'lsf'],
      [['rclone', 'lsf', '-R', '--format', 'sp', '.'], 'lsf'],
    ] as const) {
      const list = read(run(breaking, command).stdout, { format });
      const mangled = [...HARD_NAMES, ...BREAKING_NAMES].filter((name) => /[\p{Cc}]/u.test(name));
      expect(list.problems).toHaveLength(mangled.length);
      expect(paths(list)).toEqual(printable(HARD_NAMES.filter((name) => !mangled.includes(name))));
    }
    writeNamed(breaking, 'only here', 'x');
    const check = run('/', ['rclone', 'check', breaking, root, '--combined', '-', '--one-way']).stdout;
    expect(paths(read(check, { side: 'src' }))).toContain('only here');
    expect(paths(read(check, { side: 'dst' }))).not.toContain('only here');
  });
});

describe('a list that is not as it should be', () => {
  test('is told line by line, with the reason', () => {
    const list = read(
      `# a comment\n${D}  good\nnonsense\n${D} x\n\n${D}  ../up\n${D}  a/../b\n\\${D}  bad\\t\n12345  odd\nXXH64 (a) = 12\n`,
    );
    expect(paths(list)).toEqual(['good']);
    expect(list.problems.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('may come from a Mac, from openssl, or have its digits in capitals', () => {
    const md5 = 'D41D8CD98F00B204E9800998ECF8427E';
    const list = read(`MD5 (a (1).txt) = ${md5}\nMD5(b)= ${md5.toLowerCase()}\n${md5} c d\n${md5}  e\n`);
    expect([paths(list), list.foreign, whys(list)]).toEqual([
      ['a (1).txt', 'b', 'c d', 'e'],
      { MD5: 2, 'MD5 or XXH128': 2 },
      [],
    ]);
    const capitals = read(`${D.toUpperCase()}  a\r\nXXH64 (b) = ${D.toUpperCase()}\r\n`);
    expect(capitals.files.map(({ digest }) => digest)).toEqual([0x0123456789abcdefn, 0x0123456789abcdefn]);
  });

  test('may be cut off: the last line must end', () => {
    expect(whys(read(`${D}  a\n${D}  half of a na`))).toEqual([
      expect.stringContaining('2: the last line does not end'),
    ]);
    expect(whys(read(''))).toEqual([expect.stringContaining('empty')]);
  });

  test('may come from Windows: line ends are taken off where all are so, else nobody knows', () => {
    const windows = read(`${D} *a\r\n${D} *b c\r\n`);
    expect([windows.crlf, paths(windows)]).toEqual([true, ['a', 'b c']]);
    expect(whys(read(`${D}  a\r\n${D}  b\n`))).toEqual([expect.stringContaining('1: it ends with a carriage return')]);
    expect(whys(read(`${D} *a\\b\r\n`))).toEqual([expect.stringContaining('separators on Windows')]);
    expect(paths(read(`\ufeff${D}  a\n`))).toEqual(['a']);
    expect(whys(read(Buffer.from(`\ufeff${D}  a\n`, 'utf16le')))).toEqual([expect.stringContaining('UTF-16')]);
  });

  test('may say a thing twice, which is no harm, or two things of one file, which is', () => {
    const twice = read(`${D}  a\n${D}  ./a\n${D}  .//a\n`);
    expect([paths(twice), twice.duplicates, whys(twice)]).toEqual([['a'], 2, []]);
    expect(whys(read(`${D}  a\n${D.replace('0', '1')}  a\n`))).toEqual(['2: it contradicts line 1 about a']);
  });

  test('has its paths placed below the volume: by its root, by another, or by a directory of it', () => {
    expect(paths(read(`${D}  /srv/data/a\n${D}  b\n`))).toEqual(['a', 'b']);
    expect(whys(read(`${D}  /srv/database/a\n`))).toEqual([expect.stringContaining('is outside of /srv/data')]);
    expect(paths(read(`${D}  /mnt/old/a\n`, { root: '/mnt/old' }))).toEqual(['a']);
    expect(paths(read(`${D}  data/a\n`, { root: 'data' }))).toEqual(['a']);
    expect(whys(read(`${D}  other/a\n`, { root: 'data' }))).toEqual([expect.stringContaining('outside of data')]);
    expect(paths(read(`${D}  ./a\n`, { below: 'people/anna' }))).toEqual(['people/anna/a']);
  });

  test('of an unknown kind is refused as a whole; one without a digest is named by what is missing', () => {
    expect(whys(read('just\nsome\nwords\n'))).toEqual([expect.stringContaining('not recognised')]);
    expect(read('ERROR  a\nUNSUPPORTED  b\n', { format: 'checksum' }).foreign).toEqual({ 'no digest': 2 });
    expect(whys(read('= a\n', { side: 'src' }))).toEqual([]);
  });
});

test('every list that Rollcall writes, it reads back, name for name', () => {
  const byte = fc.integer({ min: 1, max: 255 }).filter((b) => b !== 0x2f);
  const awkward = fc.constantFrom(0x0a, 0x0d, 0x5c, 0x20, 0x23, 0x2a, 0x28, 0x29, 0x3d, 0x6e, 0x72, 0xff, 0xc3, 0xa9);
  const name = fc
    .array(fc.oneof(byte, awkward), { minLength: 1, maxLength: 12 })
    .map((bytes) => encodePath(Uint8Array.from(bytes)))
    .filter((text) => text !== '.' && text !== '..' && !/[\u2400-\u2421]/.test(text));
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
  const entry = fc.record({ path, digest: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) });
  const format = fc.constantFrom('xxhsum', 'xxhsum-tag', 'gnu', 'bsd', 'zero' as const);
  fc.assert(
    fc.property(
      fc.uniqueArray(entry, { selector: (one) => one.path, maxLength: 20, minLength: 1 }),
      format,
      (entries, layout) => {
        const kept = entries.flatMap((one) => {
          const full = { ...one, kind: 'file', size: 1, mtimeNs: 0n, mode: 0, uid: 0, gid: 0, target: null } as const;
          const line = layout === 'zero' ? digestLine(full, 'gnu', true) : digestLine(full, layout, false);
          return line === null ? [] : [{ one, line }];
        });
        if (layout !== 'xxhsum' && layout !== 'xxhsum-tag') expect(kept).toHaveLength(entries.length);
        if (kept.length === 0) return;
        const list = read(Buffer.concat(kept.map(({ line }) => line)));
        expect(list.problems).toEqual([]);
        expect(list.files.map((file) => [file.path, file.digest])).toEqual(
          kept.map(({ one }) => [one.path, one.digest]),
        );
      },
    ),
    { numRuns: 300 },
  );
});
