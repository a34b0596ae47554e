// Names that a huge listing has brought before are told from those that it brings for the first time.
import { expect, test } from 'vitest';
import { decodeName } from '../../domain/path.ts';
import { Columns } from '../../services/files/columns.ts';
import { createHasher } from '../../services/files/hash.ts';
import { MetNames } from '../../services/scan/met-names.ts';
import { HOSTILE_NAMES } from '../support/tree.ts';

const hasher = await createHasher();
/** More than there is room for at first. */
const MANY = 150_000;

test('each name is new once, hostile ones and many of them too', () => {
  const columns = new Columns();
  const names = HOSTILE_NAMES.map(([bytes]) => bytes);
  for (const name of names) columns.add(name);
  for (let nth = 0; nth < MANY; nth++) columns.add(decodeName(`name-${nth}`));
  const met = new MetNames(hasher);
  const added = (): number => {
    let fresh = 0;
    for (let index = 0; index < columns.count; index++) if (met.add(columns, index)) fresh++;
    return fresh;
  };
  expect(added()).toBe(MANY + names.length);
  expect(added()).toBe(0);
  expect(met.size).toBe(MANY + names.length);
});
