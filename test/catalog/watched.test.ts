// Which volumes of the catalog a configuration means: by what they are, on the host that it names, and no other.
import { expect, test } from 'vitest';
import type { Configuration, WatchedBackup, WatchedVolume } from '../../domain/watch/configuration.ts';
import { holdingConfiguration, keepConfiguration, keptConfiguration } from '../../services/catalog/configurations.ts';
import { ensureVolume } from '../../services/catalog/volumes.ts';
import { watchedIds } from '../../services/catalog/watched.ts';
import { databaseForFile } from '../support/postgres.ts';

const { db } = await databaseForFile();

const live = (name: string, host: string, path: string): WatchedVolume => ({
  name,
  host,
  path,
  layout: 'tree',
  backups: [],
  excludes: [],
  crossMounts: false,
  notGluster: false,
  bricksRescued: false,
  quick: null,
  scrub: null,
  blindAfterMs: null,
  pings: [],
});
const series = (name: string, host: string, pattern: string): WatchedBackup => ({
  name,
  host,
  pattern,
  snapshotsMax: null,
  tz: null,
  look: null,
  pings: [],
});

test('a volume is found by host and path, a series by host and key, however either is called', async () => {
  const tree = (host: string, path: string): Promise<{ readonly id: number }> =>
    ensureVolume(db.pool, {
      role: 'live',
      layout: 'tree',
      key: `tree:${host}:${path}`,
      name: path,
      host,
      path,
      nowMs: 1,
    });
  const backup = (host: string, key: string, pattern: string): Promise<{ readonly id: number }> =>
    ensureVolume(db.pool, {
      role: 'backup',
      layout: 'snapshots',
      key: `series:${host}:${key}`,
      name: pattern,
      host,
      path: key,
      nowMs: 1,
    });
  const onFiles = await tree('files', '/srv/school');
  const onOther = await tree('other', '/srv/school');
  const nightly = await backup('vault', '/backup/school-*/data', 'school-*/data');
  // /snap is a symlink to /mnt/snap there.
  const linked = await backup('vault', '/mnt/snap/*', '/snap/*');
  const found = await watchedIds(db.pool, {
    volumes: [
      live('school', 'files', '/srv/school'),
      live('copy', 'other', '/srv/school'),
      live('new', 'third', '/srv/school'),
      live('below', 'files', '/srv'),
    ],
    backups: [
      series('nightly', 'vault', '/backup/school-????-??-??/data'),
      series('linked', 'vault', '/snap/*'),
      series('elsewhere', 'files', '/snap/*'),
    ],
  });
  expect(Object.fromEntries(found)).toEqual({
    school: onFiles.id,
    copy: onOther.id,
    nightly: nightly.id,
    linked: linked.id,
  });
});

test('the newest configuration holds, and there may be none', async () => {
  expect(await holdingConfiguration(db.pool)).toBeNull();
  const document: Configuration = {
    timeZone: 'Europe/Berlin',
    bundles: null,
    volumes: [live('school', 'files', '/srv/school')],
    backups: [],
    maintenance: [],
    digest: null,
    alarms: [],
    hooks: [],
    keepMessagesDays: 90,
  };
  await keepConfiguration(db.pool, { document: { ...document, volumes: [] }, actor: 'jo', appliedMs: 1 });
  await keepConfiguration(db.pool, { document, actor: 'kim', appliedMs: 2 });
  expect(await keptConfiguration(db.pool)).toEqual({ document, actor: 'kim', appliedMs: 2 });
});
