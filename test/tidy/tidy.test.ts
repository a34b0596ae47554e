// How the code reads, as far as a test can tell. The linter holds functions to 60 lines and four parameters, and keeps
// `any` out (oxlint.config.mjs); the formatter holds code to 120 columns.
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sources, type Source } from './sources.ts';

const COLUMNS_MAX = 120;
const LINES_MAX = 320;
/** Tests are lists of cases: longer, and read one case at a time. */
const TEST_LINES_MAX = 520;

/** Files that are longer, and why. One that is short again is taken off. */
const LONG_FILES: Readonly<Record<string, string>> = {
  'domain/absence/witness.ts': 'one argument, from what was seen to what it says; its parts mean nothing apart',
  'services/bundle/restore.sh':
    'it stands alone on a machine without Rollcall: one file, which can be read by whoever runs it as root',
  'docs/schema.sql': 'made, not written',
  'services/files/sys.ts': 'every system call on one page',
  'services/files/union-directory.ts': 'one directory on all its bricks: all that is asked of it shares one listing',
  'test/bundle/restore.test.ts': 'cases of restore.sh, by option',
  'test/domain/judge/verdicts.test.ts': 'the verdict table, row by row, in its order',
  'test/scenario/verdicts.test.ts': 'every class on real trees, in the order of the table',
};

const BANNED_NAMES = /^(utils?|helpers?|common|managers?|misc|stuff|shared)\b/;

/** Places of the machine that something was written on. */
const MACHINE = /(?<![\w.])(?:\/work\/|\/tmp\/wt\/|\.\.\/shared\/)/;

/** Riddles that were written here once; each has a plain form. (A migration that has run is left as it is.) */
const RIDDLES = new RegExp(
  [
    '(?<!user )who is not root',
    'ending in order',
    'takes one as it is',
    'nobody is at work',
    'freeze it first',
    'exactly so in',
    'speaks? of a loss',
    '(?:brings?|comes) along',
    'for the workers of',
    'to whoever',
  ].join('|'),
  'i',
);

const code = sources(/\.(ts|mts|mjs)$/);
const scripts = sources(/(\.(sql|sh)|^rollcall)$/);

function isComment(line: string, { path }: Source): boolean {
  if (/\.(ts|mts|mjs)$/.test(path)) return /^\s*(\/\/|\/?\*)/.test(line);
  return path.endsWith('.sql') ? /^\s*--/.test(line) : /^\s*#/.test(line);
}

function places(files: readonly Source[], isWrong: (line: string, file: Source) => boolean): string[] {
  return files.flatMap((file) =>
    file.lines.flatMap((line, index) => (isWrong(line, file) ? [`${file.path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

/** It is made, not written. */
const SCHEMA = 'docs/schema.sql';

describe('tidy', () => {
  test(`a comment fits ${COLUMNS_MAX} columns`, () => {
    const wide = places(
      [...code, ...scripts],
      (line, file) => line.length > COLUMNS_MAX && isComment(line, file) && file.path !== SCHEMA,
    );
    expect(wide).toEqual([]);
  });

  test(`a file has ${LINES_MAX} lines at most (a test ${TEST_LINES_MAX}), or a reason`, () => {
    const long = [...code, ...scripts].filter(
      ({ path, lines }) => lines.length - 1 > (path.startsWith('test/') ? TEST_LINES_MAX : LINES_MAX),
    );
    const known = Object.keys(LONG_FILES);
    expect(long.map(({ path }) => path).toSorted()).toEqual(known.toSorted());
  });

  test('a name says what a file holds', () => {
    const named = [...code, ...scripts].filter(({ path }) => BANNED_NAMES.test(basename(path)));
    expect(named.map(({ path }) => path)).toEqual([]);
  });

  test('nothing names a place of the machine that it was written on', () => {
    const pages = sources(/\.md$/);
    const own = new Set(['test/tidy/tidy.test.ts']);
    const all = [...code, ...scripts, ...pages].filter(({ path }) => !own.has(path));
    expect(places(all, (line) => MACHINE.test(line))).toEqual([]);
  });

  test('sentences are plain', () => {
    const pages = sources(/\.md$/).filter(({ path }) => !path.startsWith('docs/decisions/'));
    const all = [...code, ...scripts, ...pages].filter(
      ({ path }) => path !== 'test/tidy/tidy.test.ts' && !path.startsWith('migrations/'),
    );
    expect(places(all, (line) => RIDDLES.test(line))).toEqual([]);
  });

  test('nothing that the linter says is silenced in place without a reason', () => {
    const silenced = /(?:oxlint|eslint)-disable(?!.* -- )|@ts-(?:ignore|expect-error|nocheck)|biome-ignore/;
    const all = code.filter(({ path }) => path !== 'test/tidy/tidy.test.ts');
    expect(places(all, (line) => silenced.test(line))).toEqual([]);
  });
});
