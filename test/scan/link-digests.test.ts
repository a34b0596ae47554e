// What threads tell each other of hard-linked inodes that they have read.
import { expect, test } from 'vitest';
import { LinkDigests, type LinkDigest } from '../../services/scan/link-digests.ts';

function digestOf(n: number): LinkDigest {
  return {
    size: n,
    mtimeNs: BigInt(n) - 5n,
    digest: 0xffff_ffff_ffff_ff00n + BigInt(n % 256),
    zeroFrom: n % 5 === 0 ? null : n,
    racy: n % 3 === 0,
  };
}

test('what one thread has read, another one knows, by device and inode', () => {
  const one = new LinkDigests();
  const other = new LinkDigests(one.buffer);
  for (let n = 0; n < 5_000; n++) (n % 2 === 0 ? one : other).remember(BigInt(n % 7), BigInt(n), digestOf(n));
  for (let n = 0; n < 5_000; n++) {
    expect(other.recall(BigInt(n % 7), BigInt(n))).toEqual(digestOf(n));
    expect(one.recall(BigInt((n + 1) % 7), BigInt(n))).toBeUndefined();
  }
});

test('an inode from 2^63 on, negative as Node gives it, is itself', () => {
  const links = new LinkDigests();
  links.remember(1n, -2n, digestOf(4));
  expect(links.recall(1n, -2n)).toEqual(digestOf(4));
  expect(links.recall(1n, 2n)).toBeUndefined();
});

test('more inodes than can be remembered are not, and the first ones still are', () => {
  const links = new LinkDigests();
  for (let n = 0; n < 300_000; n++) links.remember(9n, BigInt(n), digestOf(n));
  expect(links.recall(9n, 0n)).toEqual(digestOf(0));
  expect(links.recall(9n, 199_999n)).toEqual(digestOf(199_999));
  expect(links.recall(9n, 200_000n)).toBeUndefined();
});
