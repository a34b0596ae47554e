// Volumes are what their keys say; names are labels for people, and any number of volumes may be given the same one.
import { expect, test } from 'vitest';
import { ensureVolume } from '../../services/catalog/volumes.ts';
import { databaseForFile } from '../support/postgres.ts';

const { db } = await databaseForFile();

test('one pattern that is typed in many directories names a series in each', async () => {
  const series = (place: string): Parameters<typeof ensureVolume>[1] => {
    const path = `/home/${place}/snaps`;
    const key = `series:h:${path}/*`;
    return { role: 'backup', layout: 'snapshots', key, name: 'snaps/*', host: 'h', path, nowMs: 1 };
  };
  const places = ['a', 'b', 'c', 'd', 'e'].map(series);
  // Two of them at the same time.
  const made = await Promise.all(places.slice(0, 2).map((one) => ensureVolume(db.pool, one)));
  for (const one of places.slice(2)) made.push(await ensureVolume(db.pool, one));
  expect(made.map(({ key, path }) => ({ key, path }))).toEqual(places.map(({ key, path }) => ({ key, path })));
  expect(made.map(({ name }) => name).sort()).toEqual([
    'series:h:/home/d/snaps/*',
    'series:h:/home/e/snaps/*',
    'snaps/*',
    'snaps/* (backup)',
    'snaps/* on h',
  ]);
  expect(await ensureVolume(db.pool, series('d'))).toEqual(made[3]);
});
