// Bricks on a real disk in every state, under odd names: their union says of each name what is true of it.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEFAULT_NAMING } from '../../domain/gluster/placement.ts';
import type { UnionName, UnionVolume } from '../../domain/gluster/union.ts';
import { unionOf } from '../../domain/gluster/union-of.ts';
import { decodePath, joinPath } from '../../domain/path.ts';
import { type Bricks, COMMIT, hiddenOn, makeBricks, stateOf } from '../support/bricks.ts';
import { have } from '../support/machine.ts';
import { SEED } from '../support/random.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { attributesOn, sightOn } from './sights.ts';

const canMark = have('setfattr') && have('getfattr');
/** trusted.* is for CAP_SYS_ADMIN in the first user namespace. */
const PREFIX =
  process.getuid?.() === 0 && readFileSync('/proc/self/uid_map', 'utf8').includes('4294967295') ? '' : 'user.';

function volumeOf({ roots, volumeId }: Bricks, replicas: number): UnionVolume {
  const bricks = roots.map((path, client) => ({ host: 'h', path, client, isArbiter: false }));
  const subvolumes = Array.from({ length: roots.length / replicas }, (_, set) => ({
    bricks: Array.from({ length: replicas }, (_unused, nth) => set * replicas + nth),
  }));
  const topology = { name: 'gv', volumeId, bricks, subvolumes };
  return { topology, naming: DEFAULT_NAMING, lookupOptimize: true, commitHash: COMMIT };
}

/** The union of all directories, by path. */
function namesOf(made: Bricks, replicas: number): Map<string, UnionName> {
  const volume = volumeOf(made, replicas);
  const attributes = made.roots.map((root) => attributesOn(root));
  const names = new Map<string, UnionName>();
  const visit = (path: string): void => {
    const sights = made.roots.map((root, brick) => {
      return sightOn(root, Buffer.from(decodePath(path)), attributes[brick] ?? new Map());
    });
    for (const one of unionOf(volume, sights, path === '').names) {
      const below = joinPath(path, one.name);
      names.set(below, one);
      if (one.entry?.kind === 'directory') visit(below);
    }
  };
  visit('');
  return names;
}

describe.skipIf(!canMark)('bricks that were made (setfattr and getfattr needed)', () => {
  test.each([
    { replicas: 1, subvolumes: 3, directories: 4 },
    { replicas: 2, subvolumes: 2, directories: 2 },
    { replicas: 3, subvolumes: 2, directories: 1 },
    { replicas: 1, subvolumes: 2, directories: 1, prefix: 'user.' as const },
  ])('$subvolumes × $replicas: every name is what it was made as', ({ replicas, ...wanted }) => {
    const place = join(temporaryDirectory(), 'v');
    mkdirSync(place);
    const made = makeBricks(place, { seed: SEED, replicas, prefix: PREFIX, ...wanted });
    const before = stateOf(made);
    const names = namesOf(made, replicas);
    const say = (all: ReadonlyMap<string, Pick<UnionName, 'class' | 'holder' | 'rescue'>>): string[] =>
      [...all].map(([path, { class: is, holder, rescue }]) => `${path}: ${is} ${holder} [${rescue.join()}]`).toSorted();
    expect(say(names)).toEqual(say(made.truth));
    expect(hiddenOn(made)).toBeGreaterThan(0);
    expect(stateOf(made)).toBe(before);
  });
});
