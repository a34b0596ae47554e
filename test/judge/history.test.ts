// What a person types after `history`, and what it finds.
import { expect, test } from 'vitest';
import { history } from '../../services/history.ts';
import { refusal } from '../support/refusal.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();

test('history takes a name as a report shows it and as it is, and tells a root from what nobody has met', async () => {
  const world = Volume.open(catalog, 20, 'by day');
  for (const name of ['d/plain', 'd/new\nline', 'd/a\\nb', 'd/t\tab']) world.write(name, name);
  const snapshot = world.snapshot(1);
  await world.scan();
  const told = (typed: string, cwd = '/') => history(catalog.db.pool, typed, { volume: null, host: 'here', cwd });

  for (const [typed, path] of [
    ['d/plain', 'd/plain'],
    ['d/new\nline', 'd/new\\x0aline'],
    ['d/new\\x0aline', 'd/new\\x0aline'],
    ['d/a\\nb', 'd/a\\\\nb'],
    [`${world.live}/d/t\tab`, 'd/t\\x09ab'],
    [`${snapshot}/d/a\\nb`, 'd/a\\\\nb'],
  ] as const)
    expect((await told(typed)).path).toBe(path);
  expect((await told('t\tab', `${world.live}/d`)).path).toBe('d/t\\x09ab');

  expect((await refusal(told('d/no\nbody'))).message).toBe('d/no\\x0abody does not appear in any scan.');
  expect((await refusal(told('/no\nwhere'))).message).toBe('/no\\x0awhere does not appear in any scan.');
  for (const typed of [world.live, `${world.live}/`])
    expect((await refusal(told(typed))).message).toBe(`${world.live} is the root of the volume ${world.live}.`);
  expect((await refusal(told('live', world.base))).message).toContain('is the root of the volume');
  expect((await refusal(told(snapshot))).message).toContain('is a snapshot of the volume');
});
