import { beforeAll, expect, test } from 'vitest';
import { hex } from '../../domain/digest.ts';
import { parseHex } from '../../domain/digest.ts';
import { createHasher, type Hasher } from '../../services/files/hash.ts';
import { fc } from '../support/random.ts';

let hasher: Hasher;

beforeAll(async () => {
  hasher = await createHasher();
});

test('the digest is XXH64 with seed 0, as xxhsum prints it', () => {
  expect(hex(hasher.one(Buffer.from('')))).toBe('ef46db3751d8e999');
  expect(hex(hasher.one(Buffer.from('a')))).toBe('d24ec4f1a98c6e5b');
  expect(hex(hasher.one(Buffer.from('abc')))).toBe('44bc2cf5ad770999');
  expect(hex(hasher.one(Buffer.from('Nobody inspects the spammish repetition')))).toBe('fbcea83c8a378bf1');
});

test('in pieces or at once, the digest is the same, and unsigned', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 10 }), (pieces) => {
      hasher.begin();
      for (const piece of pieces) {
        hasher.update(piece);
        // One-shot digests do not disturb an open stream.
        hasher.one(piece);
      }
      const digest = hasher.digest();
      expect(digest).toBe(hasher.one(Buffer.concat(pieces)));
      expect(digest).toBe(BigInt.asUintN(64, digest));
    }),
  );
});

test('a digest is 16 lower-case hex digits, and nothing else is one', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (digest) => {
      expect(hex(digest)).toMatch(/^[0-9a-f]{16}$/);
      expect(parseHex(hex(digest))).toBe(digest);
    }),
  );
  for (const text of [
    '',
    'ef46db3751d8e99',
    'ef46db3751d8e9990',
    'EF46DB3751D8E999',
    '0xf46db3751d8e999',
    ' f46db3751d8e999',
  ]) {
    expect(() => parseHex(text)).toThrow(/not an XXH64 digest/);
  }
});
