import { appendFileSync, chmodSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import {
  compareContents,
  comparisonFrom,
  type ContentComparison,
  lengthsToCompare,
  measureContent,
} from '../../services/files/compare.ts';
import type { Directory } from '../../services/files/directory.ts';
import { openRoot } from '../../services/files/open-directory.ts';
import { fc } from '../support/random.ts';
import { openDescriptors, temporaryDirectory } from '../support/tree.ts';

function comparing(): (a: Buffer, b: Buffer) => ContentComparison {
  const root = temporaryDirectory();
  const directory = openRoot(root);
  onTestFinished(() => directory.close());
  return (a, b) => {
    writeFileSync(`${root}/a`, a);
    writeFileSync(`${root}/b`, b);
    const compared = compareContents(directory, 'a', directory, 'b');
    expect(inHalves(directory)).toEqual(compared);
    return compared;
  };
}

/** As where the two lie on different hosts: each is measured by itself. */
function inHalves(directory: Directory): ContentComparison {
  const a = measureContent(directory, 'a', null);
  const lengths = lengthsToCompare({ size: a.size, zeroFrom: a.zeroFrom ?? 0 });
  return comparisonFrom(a, measureContent(directory, 'b', lengths));
}

function zerosAtEnd(content: Buffer): number {
  let count = 0;
  while (count < content.length && content[content.length - 1 - count] === 0) count += 1;
  return count;
}

/** The same by the definition, in memory. */
function oracle(a: Buffer, b: Buffer): ContentComparison {
  const head = a.subarray(0, a.length - zerosAtEnd(a));
  return {
    errno: null,
    truePrefix: a.length < b.length && b.subarray(0, a.length).equals(a),
    alikeBeforeZeros: zerosAtEnd(a) >= 4_096 && head.length <= b.length && b.subarray(0, head.length).equals(head),
  };
}

test('prefix and zeros are what their definitions say', () => {
  const compare = comparing();
  const content = fc
    .array(
      fc.record({
        byte: fc.constantFrom(0, 0, 1, 2),
        count: fc.constantFrom(0, 1, 5, 4_096, 262_143, 262_144, 300_000),
      }),
      { maxLength: 4 },
    )
    .map((runs) => Buffer.concat(runs.map(({ byte, count }) => Buffer.alloc(count, byte))));
  fc.assert(
    fc.property(content, content, fc.boolean(), (a, tail, related) => {
      const b = related ? Buffer.concat([a, tail]) : tail;
      expect(compare(a, b)).toEqual(oracle(a, b));
    }),
    { numRuns: 150 },
  );
});

test('a truncated file, a file full of zeros and a file that ends in zeros are told apart', () => {
  const compare = comparing();
  const good = Buffer.alloc(700_000, 'content ');
  expect(compare(good.subarray(0, 400_000), good)).toEqual(oracle(good.subarray(0, 400_000), good));
  expect(compare(Buffer.alloc(0), good)).toMatchObject({ truePrefix: true, alikeBeforeZeros: false });
  expect(compare(Buffer.alloc(good.length), good)).toMatchObject({ truePrefix: false, alikeBeforeZeros: true });
  const cut = Buffer.from(good);
  cut.fill(0, 690_000);
  expect(compare(cut, good)).toMatchObject({ truePrefix: false, alikeBeforeZeros: true });
  cut[100_000] = 1;
  expect(compare(cut, good)).toMatchObject({ alikeBeforeZeros: false });
  const odd = Buffer.from(good.subarray(0, 400_000));
  odd[399_999] = 1;
  expect(compare(odd, good)).toMatchObject({ truePrefix: false });
  expect(compare(good, good)).toMatchObject({ truePrefix: false });
});

test('zeros of a huge sparse file cost no memory', () => {
  const root = temporaryDirectory();
  writeFileSync(`${root}/a`, 'x');
  truncateSync(`${root}/a`, 200 * 1024 * 1024);
  writeFileSync(`${root}/b`, 'x');
  const directory = openRoot(root);
  onTestFinished(() => directory.close());
  expect(compareContents(directory, 'a', directory, 'b')).toMatchObject({
    errno: null,
    alikeBeforeZeros: true,
  });
  expect(compareContents(directory, 'b', directory, 'a')).toMatchObject({ errno: null, truePrefix: true });
});

test('what cannot be compared says why, and leaves no descriptor open', () => {
  const root = temporaryDirectory();
  chmodSync(root, 0o755);
  writeFileSync(`${root}/a`, 'content');
  writeFileSync(`${root}/denied`, 'content');
  chmodSync(`${root}/denied`, 0o000);
  symlinkSync('a', `${root}/link`);
  const directory = openRoot(root);
  onTestFinished(() => directory.close());
  const before = openDescriptors();
  const failed = { truePrefix: false, alikeBeforeZeros: false };
  expect(compareContents(directory, 'a', directory, 'none')).toEqual({ errno: 'ENOENT', ...failed });
  const a = measureContent(directory, 'a', null);
  expect(comparisonFrom(a, measureContent(directory, 'none', [7]))).toEqual({ errno: 'ENOENT', ...failed });
  expect(comparisonFrom(measureContent(directory, 'link', null), a)).toEqual({ errno: 'ELOOP', ...failed });
  expect(compareContents(directory, 'link', directory, 'a')).toEqual({ errno: 'ELOOP', ...failed });
  const asRoot = process.geteuid?.() === 0;
  if (asRoot) process.seteuid?.(65534);
  try {
    expect(compareContents(directory, 'a', directory, 'denied')).toEqual({ errno: 'EACCES', ...failed });
  } finally {
    if (asRoot) process.seteuid?.(0);
  }
  const self = openRoot('/proc/self');
  appendFileSync(`${root}/a`, 'more');
  expect(compareContents(directory, 'a', self, 'fd')).toEqual({ errno: 'CHANGED', ...failed });
  self.close();
  expect(openDescriptors()).toBe(before);
});
