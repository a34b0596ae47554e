// What is left for what is due: where it is done, how it looks, and where its bundle goes.
import { describe, expect, it } from 'vitest';
import type { Configuration } from '../../domain/watch/configuration.ts';
import { taskFor } from '../../services/scheduled.ts';
import { watching } from './house.ts';

const PLACE = { stateDir: '/var/lib/rollcall', program: 'rollcall' };
const NOW = Date.parse('2026-11-30T03:00:05.123Z');
const PLACES = { live: '/srv/house', pattern: '/backup/*', bundles: '/srv/bundles' };

function quick(configuration: Configuration) {
  const [volume] = configuration.volumes;
  if (volume === undefined) throw new Error('there is one');
  return taskFor(PLACE, configuration, { kind: 'quick', volume }, NOW);
}

describe('an assessment that is due', () => {
  it('of one host is what assess does there, outside of the state directory, with a bundle named for volume and time', () => {
    expect(quick(watching(PLACES, { volume: { excludes: ['*.tmp'] } }))).toMatchObject({
      host: 'here',
      kind: 'assess',
      reference: {
        cwd: '/',
        stateDir: '/var/lib/rollcall',
        makesParents: true,
        volumes: [
          {
            live: '/srv/house',
            backups: ['/backup/*'],
            outDir: '/srv/bundles/house-20261130T030005Z',
            excludes: ['*.tmp'],
            tz: 'UTC',
            reread: false,
            newState: false,
          },
        ],
      },
    });
  });

  it.each([
    ['a backup on another host', watching(PLACES, { backup: { host: 'vault' } })],
    ['bundles on another host', watching(PLACES, { configuration: { bundles: { host: 'vault', directory: '/b' } } })],
    ['no directory for bundles', watching(PLACES, { configuration: { bundles: null } })],
  ])('with %s is led from step to step by any worker', (_, configuration) => {
    const { host, kind, reference } = quick(configuration);
    expect([host, kind]).toEqual([null, 'assess-hosts']);
    const { bundles } = configuration;
    const out =
      bundles === null
        ? null
        : { host: bundles.host, directory: `${bundles.directory}/house-20261130T030005Z`, makesParent: true };
    expect(reference).toMatchObject({ live: { host: 'here', path: '/srv/house' }, out });
  });

  it('with backups that read their dates in several zones tells each its own', () => {
    const [nights, far] = [watching(PLACES).backups[0], watching(PLACES, { backup: { tz: 'Asia/Tokyo' } }).backups[0]];
    if (nights === undefined || far === undefined) throw new Error('there are two');
    const both = watching(PLACES, {
      volume: { backups: ['nights', 'far'] },
      configuration: { backups: [nights, { ...far, name: 'far', pattern: '/far/*', snapshotsMax: 7 }] },
    });
    expect(quick(both)).toMatchObject({
      kind: 'assess-hosts',
      reference: {
        backups: [
          { pattern: '/backup/*', tz: 'UTC', snapshotsMax: null },
          { pattern: '/far/*', tz: 'Asia/Tokyo', snapshotsMax: 7 },
        ],
      },
    });
  });

  it('a name that no directory may have is none of the bundle', () => {
    const { reference } = quick(watching(PLACES, { volume: { name: '../a b' } }));
    expect(reference).toMatchObject({ volumes: [{ outDir: '/srv/bundles/_._a_b-20261130T030005Z' }] });
  });
});

it('a look at a backup sees what the assessment of its volume sees, on the host of the backup', () => {
  const configuration = watching(PLACES, {
    volume: { excludes: ['*.tmp'], crossMounts: true },
    backup: { host: 'vault' },
  });
  const [backup] = configuration.backups;
  if (backup === undefined) throw new Error('there is one');
  expect(taskFor(PLACE, configuration, { kind: 'snapshots', backup }, NOW)).toMatchObject({
    host: 'vault',
    kind: 'scan',
    reference: { scan: { target: '/backup/*', role: 'backup', excludes: ['*.tmp'], crossMounts: true, tz: 'UTC' } },
  });
});
