// What people do to a small volume in a night, at random.
import { existsSync, lstatSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { fc } from '../support/random.ts';
import type { Volume } from '../support/volume.ts';

export const NAMES = ['a/one', 'a/two', 'a/b/three', 'a/b/four', 'c/five', 'c/six', 'seven', 'c/d/e/eight'];

const step = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    name: fc.constantFrom(...NAMES),
    text: fc.integer({ min: 0, max: 9 }),
  }),
  fc.record({ kind: fc.constant('remove' as const), name: fc.constantFrom(...NAMES, 'a', 'a/b', 'c') }),
  fc.record({
    kind: fc.constant('move' as const),
    name: fc.constantFrom(...NAMES, 'a/b'),
    to: fc.constantFrom('moved', 'c/moved', 'x/y'),
  }),
  fc.record({ kind: fc.constant('empty' as const), name: fc.constantFrom(...NAMES) }),
);
export const night = fc.array(step, { maxLength: 5 });

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

export function act(world: Volume, one: Step, at: number): void {
  const path = world.path(one.name);
  switch (one.kind) {
    case 'write':
    case 'empty': {
      for (let up = dirname(path); up !== world.live; up = dirname(up))
        if (existsSync(up) && !lstatSync(up).isDirectory()) return;
      if (existsSync(path) && lstatSync(path).isDirectory()) return;
      world.write(one.name, one.kind === 'empty' ? '' : `text ${one.text} `.repeat(one.text + 1), at);
      return;
    }
    case 'remove':
      if (existsSync(path)) world.lose(one.name);
      return;
    case 'move':
      if (!existsSync(path) || existsSync(world.path(one.to))) return;
      mkdirSync(dirname(world.path(one.to)), { recursive: true });
      renameSync(path, world.path(one.to));
  }
}
