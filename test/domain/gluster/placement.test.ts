import { describe, expect, test } from 'vitest';
import { DEFAULT_NAMING, hashOfName, placementHash } from '../../../domain/gluster/placement.ts';

const bytes = (name: string): Uint8Array => new TextEncoder().encode(name);
const hashed = (name: string): string => hashOfName(bytes(name)).toString(16);

describe('the hash of a name is that of GlusterFS 10.3 on x86', () => {
  test.each([
    ['a', '3a17e4e6'],
    ['a.txt', '3e99171a'],
    ['hard.txt', 'ab3e134a'],
    ['f1.dat', '69de8047'],
    ['report.odt', '9656bf07'],
  ])('of a short one: %s', (name, hash) => {
    expect(hashed(name)).toBe(hash);
  });

  test('of one block, and of one byte more', () => {
    expect(hashed('0123456789abcdef')).toBe('6ecb5ada');
    expect(hashed('0123456789abcdefg')).toBe('7f5d9903');
  });

  test('of bytes beyond ASCII, which are signed there', () => {
    expect(hashed('café')).toBe('9e089967');
  });
});

describe('names are shortened before they are hashed', () => {
  const placed = (name: string, naming = DEFAULT_NAMING): string => placementHash(bytes(name), naming).toString(16);

  test("rsync's temporary file goes where the file will be", () => {
    expect(placed('.report.odt.Ab12Cd')).toBe(hashed('report.odt'));
    expect(placed('.line\nbreak.Ab12Cd')).toBe(hashed('line\nbreak'));
  });

  test('what only begins so stays as it is', () => {
    for (const name of ['.bashrc', '..', '.a.', 'a.b.c']) expect(placed(name)).toBe(hashed(name));
  });

  test("a volume's own expression comes first", () => {
    const naming = { ...DEFAULT_NAMING, extra: /^(.+)~$/s };
    expect(placed('report.odt~', naming)).toBe(hashed('report.odt'));
    expect(placed('.report.odt.Ab12Cd', naming)).toBe(hashed('report.odt'));
    expect(placed('.report.odt.Ab12Cd', { rsync: null, extra: null })).toBe(hashed('.report.odt.Ab12Cd'));
  });
});
