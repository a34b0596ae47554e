// Nightly use of a few servers with real files: a copy every night, and `assess` every morning under a clock that is
// passed in.
import { expect, test } from 'vitest';
import { parentOf } from '../../domain/path.ts';
import { Chance } from './random.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const NIGHTS = 12;
const FILES = 300;
const DIRECTORIES = 30;

const catalog = await Catalog.forFile();

test.each([
  [1, 1],
  [2, 5],
])('server %d loses %d in silence: quiet mornings end with 0, and that one with 1', async (seed, count) => {
  const chance = new Chance(seed);
  const house = Volume.open(catalog, 1);
  const files: string[] = [];
  for (let i = 0; i < FILES; i++) {
    const path = `home/p${i % DIRECTORIES}/f${i}`;
    house.write(path, `what stands in ${path} `.repeat(chance.whole(1, 40)));
    files.push(path);
  }
  const bad = chance.whole(3, NIGHTS - 1);
  const beforeSnapshot = chance.is(0.5);
  const take = (from: readonly string[]): string => {
    const path = chance.pick(from) ?? '';
    files.splice(files.indexOf(path), 1);
    return path;
  };
  const exits: number[] = [];
  let found: string[] = [];
  let lost: string[] = [];
  house.snapshot(0);
  for (let night = 1; night <= NIGHTS; night++) {
    const desks = new Set(chance.some([...Array(DIRECTORIES).keys()], 4).map((i) => `home/p${i}`));
    const here = (): string[] => files.filter((path) => desks.has(parentOf(path)));
    for (let i = chance.whole(1, 4); i > 0 && here().length > 0; i--) house.remove(take(here()), night);
    const renamed = take(here());
    house.rename(renamed, `${renamed}r${night}`, night);
    files.push(`${renamed}r${night}`);
    const edited = chance.pick(files) ?? '';
    house.write(edited, `edited in night ${night} `.repeat(chance.whole(1, 40)), night);
    const lose = (): void => {
      lost = Array.from({ length: count }, () => take(files.filter((path) => !desks.has(parentOf(path)))));
      house.lose(...lost);
    };
    if (night === bad && beforeSnapshot) lose();
    house.snapshot(night);
    if (night === bad && !beforeSnapshot) lose();
    const { assessment, exit } = await house.assess(night);
    exits.push(exit);
    if (night !== bad) continue;
    const silent = assessment.findings.filter(
      ({ verdict, cause }) => verdict === 'missing' && cause?.cause === 'silent',
    );
    found = silent.map(({ path }) => path);
  }
  expect(found.toSorted()).toEqual(lost.toSorted());
  // Who does not restore is told every morning.
  expect(exits).toEqual(exits.map((_, i) => (i + 1 < bad ? 0 : 1)));
});
