// What statistics alone call lost stands in a list of its own: a plain restore leaves it out and says how many,
// --uncertain brings it back.
import { picture } from '../../domain/picture.ts';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FLAG } from '../../domain/judge/flags.ts';
import { EVERYTHING } from '../../domain/restore/selection.ts';
import { World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => {
  world.remove();
});

const inLive = (path: string): string => join(world.live, path);
const lines = (file: string): Record<string, unknown>[] =>
  readFileSync(join(world.bundle, file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** One silent loss, one uncertain, one of an uncertain directory with an older file, one of a person. */
function three(): void {
  const from = world.snapshot('s1');
  for (const name of ['silent', 'uncertain', 'dir/older', 'person']) world.write(from, name, `content of ${name}`);
  const uncertain = { verdict: 'missing', from: 's1', cause: 'unknown', flags: [FLAG.uncertain] } as const;
  world.wrong('silent', { verdict: 'missing', from: 's1' });
  world.wrong('uncertain', uncertain);
  world.wrong('dir', uncertain);
  world.wrong('dir/older', { ...uncertain, recovery: 'older' });
  world.wrong('person', { verdict: 'missing', from: 's1', cause: 'person' });
}

it('a plain restore leaves it out and counts it apart; each option brings its own', async () => {
  three();
  const summary = await world.writeBundle();
  expect(summary).toMatchObject({
    restored: { files: 1 },
    older: { files: 0 },
    uncertain: { files: 2 },
    personDeleted: { files: 1 },
    report: { needed: { inodes: 1 } },
  });
  expect(summary.report.lists.map(({ file }) => file)).toEqual(['lists/01-missing.files0']);
  expect(picture(world.assessment())).toMatchObject({
    silent: { files: 1 },
    uncertain: { files: 2 },
    personDeleted: { files: 1 },
  });
  expect(Object.fromEntries(lines('findings.jsonl').map(({ path, needs }) => [path, needs]))).toEqual({
    silent: [],
    uncertain: ['uncertain'],
    dir: ['uncertain'],
    'dir/older': ['older', 'uncertain'],
    person: ['person-deleted'],
  });

  // Whoever owned it is not promised that it comes back by itself.
  const uid = statSync(inLive('')).uid;
  const owned = readFileSync(join(world.bundle, `by-owner/${uid}.csv`), 'utf8');
  expect(owned).toMatch(/^"uncertain","on request",/m);
  expect(owned).toMatch(/^"silent","comes back",/m);
  const readme = readFileSync(join(world.bundle, 'README.txt'), 'utf8');
  expect(readme).toContain('perhaps deleted on purpose: 2 files (restored only with --uncertain)');
  expect(readme).toContain('probably deleted by a person: 1 file (restored only with --person-deleted)');

  const plain = world.restore(['--apply']);
  expect(plain.code).toBe(0);
  expect(plain.output).toContain('--uncertain');
  expect(['silent', 'uncertain', 'dir', 'person'].filter((path) => existsSync(inLive(path)))).toEqual(['silent']);
  const verified = await world.verify();
  // A person has to decide on it, unlike on what people deleted themselves.
  expect(verified).toMatchObject({ exit: 1, counts: { restored: { files: 1 }, waiting: { files: 4 } } });

  expect(world.restore(['--apply', '--uncertain']).code).toBe(0);
  expect(readFileSync(inLive('uncertain'), 'utf8')).toBe('content of uncertain');
  expect(existsSync(inLive('dir/older'))).toBe(false);
  expect(world.restore(['--apply', '--uncertain', '--older']).code).toBe(0);
  expect(readFileSync(inLive('dir/older'), 'utf8')).toBe('content of dir/older');
  expect(existsSync(inLive('person'))).toBe(false);
  expect(await world.verify()).toMatchObject({ exit: 0, leftToPersons: 1 });
});

it('a bundle that is cut with it as a decided loss restores it without the option', async () => {
  three();
  await world.writeBundle({ selection: { ...EVERYTHING, uncertainToo: true } });
  expect(world.restore(['--apply']).code).toBe(0);
  expect(['silent', 'uncertain', 'dir', 'person'].filter((path) => existsSync(inLive(path)))).toEqual([
    'silent',
    'uncertain',
    'dir',
  ]);
});
