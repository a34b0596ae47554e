import { describe, expect, test } from 'vitest';
import {
  baseName,
  compareBytes,
  decodeName,
  decodePath,
  decodeTarget,
  encodeName,
  encodePath,
  encodeText,
  isWithin,
  joinPath,
  PathError,
  parentOf,
  plain,
} from '../../domain/path.ts';
import { fc } from '../support/random.ts';

/** Bytes as names have them: runs of plain text, characters that matter, and bytes that are anything. */
const nameBytes = fc
  .array(
    fc.oneof(
      fc.stringMatching(/^[a-z ._-]{1,6}$/).map((text) => Buffer.from(text)),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }).map((text) => Buffer.from(text)),
      fc
        .constantFrom(
          '\\',
          '\\x41',
          '\n',
          '\u001b[2J',
          '\u0085',
          '\u061c',
          '\u202e',
          '\u2066',
          '\ufeff',
          '\ufffd',
          '😀',
        )
        .map((text) => Buffer.from(text)),
      fc.uint8Array({ minLength: 1, maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom('c080', 'eda080', 'f4908080', 'e282', 'c2', 'ff').map((digits) => Buffer.from(digits, 'hex')),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => Uint8Array.from(Buffer.concat(parts).filter((byte) => byte !== 0 && byte !== 0x2f)))
  .filter((bytes) => bytes.length > 0 && !['.', '..'].includes(Buffer.from(bytes).toString('latin1')));

/** What must never reach a terminal, a log or a page as it is. */
// oxlint-disable-next-line no-control-regex -- control characters are what this test is about
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/;

function withoutPairs(text: string): string {
  return text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, '');
}

describe('the printable form of a name', () => {
  test.each([
    ['plain ASCII stays as it is', 'report-2026.txt', 'report-2026.txt'],
    ['text of all languages stays as it is', 'Ärger 文書 😀 Café', 'Ärger 文書 😀 Café'],
    ['a byte order mark is part of the name', '\ufeffbom', '\ufeffbom'],
    ['a replacement character that somebody typed stays', 'a\ufffdb', 'a\ufffdb'],
    ['a backslash is doubled', 'a\\b', 'a\\\\b'],
    ['a literal \\x41 is not an A', '\\x41', '\\\\x41'],
    ['a newline and a tab', 'a\nb\tc', 'a\\x0ab\\x09c'],
    ['an escape sequence', '\u001b[31mred', '\\x1b[31mred'],
    ['DEL and a C1 control, byte by byte', '\u007f\u0085', '\\x7f\\xc2\\x85'],
    [
      'bidi controls',
      '\u061c\u200e\u2028\u202e\u2069',
      '\\xd8\\x9c\\xe2\\x80\\x8e\\xe2\\x80\\xa8\\xe2\\x80\\xae\\xe2\\x81\\xa9',
    ],
    ['percent signs, quotes and shell syntax stay', '%0A "$(touch x)" \'; #', '%0A "$(touch x)" \'; #'],
  ])('%s', (_, name, text) => {
    const bytes = Uint8Array.from(Buffer.from(name));
    expect(encodeName(bytes)).toBe(text);
    expect(decodeName(text)).toEqual(bytes);
    if (!name.includes('\ufffd')) expect(encodeText(name)).toBe(text);
    expect(plain(text)).toBe(name);
  });

  test.each([
    ['a lone continuation byte', '6180', 'a\\x80'],
    ['Latin-1', 'c4726765', '\\xc4rge'],
    ['an overlong slash', 'c0af', '\\xc0\\xaf'],
    ['a surrogate in UTF-8', 'eda080', '\\xed\\xa0\\x80'],
    ['beyond Unicode', 'f4908080', '\\xf4\\x90\\x80\\x80'],
    ['a sequence cut off at the end', 'e282', '\\xe2\\x82'],
    ['a sequence cut off by a letter', 'e28241', '\\xe2\\x82A'],
    ['a sequence cut off by another one', 'e2c3a4', '\\xe2ä'],
  ])('bytes that are not UTF-8 are escaped one by one: %s', (_, digits, text) => {
    const bytes = Uint8Array.from(Buffer.from(digits, 'hex'));
    expect(encodeName(bytes)).toBe(text);
    expect(decodeName(text)).toEqual(bytes);
    expect(plain(text)).toBeNull();
  });

  test('any bytes come back, and no two names share a text', () => {
    fc.assert(
      fc.property(nameBytes, nameBytes, (a, b) => {
        const text = encodeName(a);
        expect(decodeName(text)).toEqual(a);
        expect(withoutPairs(text)).not.toMatch(UNPRINTABLE);
        expect(text === encodeName(b)).toBe(Buffer.compare(a, b) === 0);
        const string = plain(text);
        const valid = Buffer.from(Buffer.from(a).toString('utf8')).equals(Buffer.from(a));
        expect(string === null).toBe(!valid);
        if (string !== null) {
          expect(Uint8Array.from(Buffer.from(string))).toEqual(a);
          if (!string.includes('\ufffd')) expect(encodeText(string)).toBe(text);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('every single byte and every pair of bytes comes back', () => {
    for (let first = 1; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        const bytes = Uint8Array.from(second === 0 ? [first] : [first, second]);
        if (bytes.includes(0x2f) || bytes.every((byte) => byte === 0x2e)) continue;
        const back = decodeName(encodeName(bytes));
        if (Buffer.compare(back, bytes) !== 0) expect(back).toEqual(bytes);
      }
    }
  });

  test('text that is accepted is the one form of its name', () => {
    const parts = fc.oneof(
      fc.constantFrom(
        '\\',
        '\\\\',
        '\\x',
        '\\x0a',
        '\\x41',
        '\\xC3',
        '\\xc3',
        '\\xa4',
        'ä',
        '\n',
        '\ud800',
        '\udc00',
        'a',
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(parts, { minLength: 1, maxLength: 6 }), (pieces) => {
        const text = pieces.join('');
        let bytes: Uint8Array;
        try {
          bytes = decodeName(text);
        } catch (error) {
          expect(error).toBeInstanceOf(PathError);
          expect(withoutPairs((error as Error).message)).not.toMatch(UNPRINTABLE);
          return;
        }
        expect(encodeName(bytes)).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ['a raw newline', 'a\nb'],
    ['a raw bidi control', 'a\u202eb'],
    ['a lone surrogate', 'a\ud800'],
    ['a lone backslash', 'a\\b'],
    ['a backslash at the end', 'a\\'],
    ['a cut-off escape', 'a\\x4'],
    ['upper-case digits', '\\xC4rger'],
    ['an escaped letter', '\\x41'],
    ['an escaped backslash', '\\x5c'],
    ['valid UTF-8 in escapes', '\\xc3\\xa4'],
    ['an escaped slash', 'a\\x2fb'],
    ['NUL', 'a\\x00'],
    ['nothing', ''],
    ['the directory itself', '.'],
    ['the parent', '..'],
    ['two names', 'a/b'],
  ])('a text is refused as a name: %s', (_, text) => {
    expect(() => decodeName(text)).toThrow(PathError);
  });

  test('a string whose bytes are not known is refused', () => {
    expect(() => encodeText('a\ufffd')).toThrow(PathError);
    expect(() => encodeText('a\udc00')).toThrow(PathError);
  });

  test('bytes that no directory gives are a bug', () => {
    expect(() => encodeName(Buffer.from('a/b'))).toThrow(/name holds '\/'/);
    expect(() => encodePath(Buffer.from('a\0'))).toThrow(/NUL/);
  });
});

describe('paths', () => {
  test('a path is its names in printable form', () => {
    const bytes = Buffer.concat([Buffer.from('a\n/'), Buffer.from([0xff]), Buffer.from('/ä')]);
    expect(encodePath(bytes)).toBe('a\\x0a/\\xff/ä');
    expect(Buffer.from(decodePath('a\\x0a/\\xff/ä'))).toEqual(bytes);
    expect(Buffer.from(decodePath('/a/b'))).toEqual(Buffer.from('/a/b'));
    expect(decodePath('')).toHaveLength(0);
  });

  test.each(['a//b', 'a/', '//a', '../a', 'a/../b', 'a/.', '/..'])('a path cannot lead out of its root: %s', (text) => {
    expect(() => decodePath(text)).toThrow(PathError);
  });

  test("a symlink's target may hold anything", () => {
    expect(Buffer.from(decodeTarget('../../etc//x\\x0a/'))).toEqual(Buffer.from('../../etc//x\n/'));
    expect(() => decodeTarget('\\x41')).toThrow(PathError);
  });

  test('join, parent and base name belong together', () => {
    expect(joinPath('', 'a')).toBe('a');
    expect(joinPath('/', 'a')).toBe('/a');
    expect(joinPath('a/b', 'c')).toBe('a/b/c');
    expect([parentOf('a'), parentOf('a/b'), parentOf('/a'), parentOf('/a/b')]).toEqual(['', 'a', '/', '/a']);
    expect([baseName('a'), baseName('a/b'), baseName('/a'), baseName('')]).toEqual(['a', 'b', 'a', '']);
    expect(() => parentOf('')).toThrow();
    expect(() => parentOf('/')).toThrow();
  });

  test('within is by components', () => {
    expect(isWithin('a/b', 'a/b')).toBe(true);
    expect(isWithin('a/b', 'a/b/c')).toBe(true);
    expect(isWithin('a/b', 'a/bc')).toBe(false);
    expect(isWithin('a/b', 'a')).toBe(false);
    expect(isWithin('', 'a')).toBe(true);
    expect(isWithin('/', '/a')).toBe(true);
    expect(isWithin('/a', '/b')).toBe(false);
  });

  test('the order is that of the bytes in UTF-8', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc
        .array(fc.constantFrom('a', 'b', '/', '\uffee', '\ue000', '😀', '\ud7ff', '𐀀'), { maxLength: 5 })
        .map((s) => s.join('')),
    );
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 1_000 },
    );
    expect(compareBytes('\uffee', '😀')).toBeLessThan(0);
  });
});
