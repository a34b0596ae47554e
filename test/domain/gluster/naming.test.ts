import { describe, expect, test } from 'vitest';
import { namingOf } from '../../../domain/gluster/naming.ts';
import { placementHash } from '../../../domain/gluster/placement.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
/** The name that is hashed instead, of those that may be. */
function hashedAs(name: string, rsync: string | undefined, extra?: string): string | null {
  const naming = namingOf(rsync, extra);
  if (naming === null) return null;
  const hash = placementHash(bytes(name), naming);
  const plain = { rsync: null, extra: null };
  const candidates = [name, 'report.odt', 'report', 'odt', '.report.odt', 'x'];
  return candidates.find((one) => placementHash(bytes(one), plain) === hash) ?? 'none of them';
}

describe('how a volume shortens names', () => {
  test.each([
    { rsync: undefined, name: '.report.odt.Ab12Cd', is: 'report.odt' },
    { rsync: undefined, name: 'report.odt', is: 'report.odt' },
    { rsync: 'none', name: '.report.odt.Ab12Cd', is: '.report.odt.Ab12Cd' },
    { rsync: '^\\.(.+)\\.[^.]+$', name: '.report.odt.Ab12Cd', is: 'report.odt' },
    { rsync: '^(.+)\\.tmp$', name: 'report.odt.tmp', is: 'report.odt' },
    { rsync: '^(.+)\\.tmp$', name: '.report.odt.Ab12Cd', is: '.report.odt.Ab12Cd' },
    { rsync: '^([[:alpha:]]+)[^]]*$', name: 'report.odt', is: 'report' },
    { rsync: '^(.+)\\.[[:digit:]_-]+$', name: 'report.odt.12-3_4', is: 'report.odt' },
  ])('$rsync: $name is hashed as $is', ({ rsync, name, is }) => {
    expect(hashedAs(name, rsync)).toBe(is);
  });

  test('the extra expression is tried first, and the other one where it does not fit', () => {
    expect(hashedAs('report.odt.part', undefined, '^(.+)\\.part$')).toBe('report.odt');
    expect(hashedAs('.report.odt.Ab12Cd', undefined, '^(.+)\\.part$')).toBe('report.odt');
    expect(hashedAs('.report.odt.Ab12Cd', 'none', '^(.+)\\.part$')).toBe('.report.odt.Ab12Cd');
  });

  test.each(['^(a|ab)', '(?=x)', '[[:nothing:]]', '[[.a.]]', '\\w+', 'a{,3}', '(', '[', '*', '\\<a'])(
    'what would mean something else here is not followed: %s',
    (expression) => {
      expect(namingOf(expression, undefined)).toBe(null);
    },
  );
});
