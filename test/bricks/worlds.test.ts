// Volumes of bricks in every state that a crash leaves, under odd names, from the look to the verdicts.
import { describe, expect, test } from 'vitest';
import { checkSums } from '../support/answers.ts';
import { setsTrusted } from '../support/brick-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { SEED } from '../support/random.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { judgeWorld } from './judged-world.ts';

const catalog = await Catalog.forFile();

describe.skipIf(!setsTrusted)('a volume of bricks after a crash (root and attr needed)', () => {
  test.each([
    { subvolumes: 3, replicas: 1, directories: 3 },
    { subvolumes: 2, replicas: 2, directories: 1 },
  ])(
    '$subvolumes × $replicas: every name has the verdict of its state, and what is hidden is rescued',
    async (wanted) => {
      const base = temporaryDirectory('rollcall-worlds-');
      const { world, assessment } = await judgeWorld(catalog.tools(), base, {
        seed: SEED + wanted.replicas,
        ...wanted,
      });
      checkSums(assessment);
      expect(world.told).toEqual(world.expected);
      expect(world.rescue).toMatchObject({ status: 0, stderr: '', wrong: [] });
      expect(world.rescue.files).toBeGreaterThan(0);
      expect(world.hidden.after).toBe(world.hidden.before);
      expect(world.isAsBefore).toBe(true);
    },
  );
});
