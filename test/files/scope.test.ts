// Scope: what a volume's excludes take out, whatever the names look like.
import { describe, expect, it } from 'vitest';
import { encodeName, joinPath } from '../../domain/path.ts';
import { BUILT_IN_SKIPS, isBuiltInSkip } from '../../domain/scope.ts';
import { createScope } from '../../services/files/scope.ts';
import { fc } from '../support/random.ts';

const scope = (...excludes: string[]) => createScope({ excludes, crossMounts: false });

describe('the scope of a volume', () => {
  it('excludes by pattern, anchored or at any depth, directories with all below them', () => {
    const { excluded } = scope('*.tmp', '/cache/', 'build/', '!keep.tmp');
    expect(excluded('a/b/x.tmp', false)).toBe(true);
    expect(excluded('a/b/keep.tmp', false)).toBe(false);
    expect(excluded('cache', true)).toBe(true);
    expect(excluded('cache', false)).toBe(false);
    expect(excluded('cache/deep/keep.tmp', false)).toBe(true);
    expect(excluded('a/cache', true)).toBe(false);
    expect(excluded('a/build/x', false)).toBe(true);
    expect(excluded('', true)).toBe(false);
  });

  it('tells case apart, for a backup on Linux does', () => {
    const { excluded } = scope('*.TMP');
    expect(excluded('x.TMP', false)).toBe(true);
    expect(excluded('x.tmp', false)).toBe(false);
  });

  it('is not upset by names that look like relative or absolute paths to a library', () => {
    const { excluded } = scope('*.tmp');
    for (const name of [
      '..foo',
      '...',
      '.. ',
      '-',
      '~',
      '#x',
      '!x',
      ' ',
      'c:',
      '.',
      '\\\\',
      '\\x0a',
      'a\\\\b.tmp',
      '[',
      '**',
    ]) {
      expect(excluded(name, false)).toBe(name.endsWith('.tmp'));
      expect(excluded(joinPath('d', name), true)).toBe(name.endsWith('.tmp'));
    }
  });

  it('never throws, whatever bytes a name is made of', () => {
    const { excluded } = scope('*.bak', '/x/**/y', 'a[b-d]?', '!z');
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 20 })
      .map((bytes) => bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x5c : byte)));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), fc.boolean(), (names, isDirectory) => {
        const path = names.map(encodeName).join('/');
        expect(excluded(path, isDirectory)).toBeTypeOf('boolean');
      }),
    );
  });

  it('gives the same answers after many questions as in the beginning', () => {
    const { excluded } = scope('*.tmp');
    for (let at = 0; at < 45_000; at++) excluded(`d${at % 100}/f${at}`, false);
    expect(excluded('a.tmp', false)).toBe(true);
    expect(excluded('a.txt', false)).toBe(false);
  });

  it('skips bookkeeping of file systems at their root only, and never lost+found', () => {
    for (const name of BUILT_IN_SKIPS) {
      expect(isBuiltInSkip(name, true)).toBe(true);
      expect(isBuiltInSkip(name, false)).toBe(false);
    }
    expect(isBuiltInSkip('lost+found', true)).toBe(false);
  });
});
