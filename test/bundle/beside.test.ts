// What an earlier restore has put beside is known by its name and its content, without a record, and is not offered
// again.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => {
  world.remove();
});

const inLive = (path: string): string => join(world.live, path);
const again = (name: string) => world.writeBundle({ outDir: join(world.base, name) });

it('a file, one with a name as long as names can be, and all below a directory that was replaced', async () => {
  const from = world.snapshot('s1');
  const long = 'ä'.repeat(127);
  for (const path of ['file', long, 'dir/a', 'dir/sub/b']) world.write(from, path, `old content of ${path}`);
  for (const path of ['file', long, 'dir']) writeFileSync(inLive(path), `new content of ${path}`);
  for (const path of ['file', long, 'dir']) world.wrong(path, { verdict: 'replaced', from: 's1' });
  for (const path of ['dir/a', 'dir/sub', 'dir/sub/b']) world.wrong(path, { verdict: 'missing', from: 's1' });
  await world.writeBundle();
  expect(world.restore(['--apply'])).toMatchObject({ code: 0 });
  const there = readdirSync(world.live).sort();

  const second = await again('second');
  expect(second).toMatchObject({
    lists: [],
    directories: 0,
    leftOut: { 'its old content is beside it already': 6 },
    report: { leftOut: [{ files: 4, directories: 2, isDone: true }] },
  });
  expect(world.restore(['--apply'], { bundle: join(world.base, 'second') }).output).toContain('nothing to restore');
  expect(readdirSync(world.live).sort()).toEqual(there);
});

it('other content under such a name is not it, and what was taken away since is offered again', async () => {
  const from = world.snapshot('s1');
  world.write(from, 'file', 'old content');
  world.write(from, 'dir/a', 'old content of a');
  mkdirSync(inLive('file'));
  writeFileSync(inLive('dir'), '');
  writeFileSync(inLive('file.rollcall-20200101T000000Z'), 'something else');
  world.wrong('file', { verdict: 'replaced', from: 's1' });
  world.wrong('dir', { verdict: 'replaced', from: 's1' });
  world.wrong('dir/a', { verdict: 'missing', from: 's1' });
  await world.writeBundle();
  expect(world.restore(['--apply'])).toMatchObject({ code: 0 });
  const beside = readdirSync(world.live).find((name) => name.startsWith('dir.rollcall-')) ?? '';
  writeFileSync(inLive(`${beside}/a`), 'edited since');
  const second = await again('second');
  // The directory is there, and what was edited in it is left to the person who edited it.
  expect(second.lists.map(({ files }) => files)).toEqual([1]);
  const ran = world.restore(['--apply'], { bundle: join(world.base, 'second') });
  expect(ran).toMatchObject({ code: 0 });
  expect(ran.output).toContain('0 restored, 1 already there');
  expect(readFileSync(inLive(`${beside}/a`), 'utf8')).toBe('edited since');
});
