// A small house that is watched: a live tree, nightly copies of it, and the configuration that says so.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Configuration, WatchedBackup, WatchedVolume } from '../../domain/watch/configuration.ts';
import { HOUR_MS } from '../../domain/lengths.ts';

export interface House {
  readonly directory: string;
  readonly live: string;
  /** Of its snapshots. */
  readonly pattern: string;
  /** Where bundles are written. */
  readonly bundles: string;
  /** Copies live as a backup does at that time. */
  backup(atMs: number): void;
  /** Without anybody touching their directory. */
  lose(...names: readonly string[]): void;
  remove(): void;
}

const OLD = new Date('2026-01-01T12:00:00Z');

export function house(files = 10): House {
  const directory = mkdtempSync(join(tmpdir(), 'rollcall-house-'));
  const [live, nights, bundles] = ['live', 'nights', 'bundles'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [live, nights, bundles]) mkdirSync(path);
  for (let n = 0; n < files; n++) {
    writeFileSync(join(live, `file ${n}`), `file ${n} `.repeat(500));
    utimesSync(join(live, `file ${n}`), OLD, OLD);
  }
  utimesSync(live, OLD, OLD);
  return {
    directory,
    live,
    pattern: join(nights, '*'),
    bundles,
    backup(atMs) {
      const name = new Date(atMs).toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-');
      expect(spawnSync('cp', ['-a', live, join(nights, name)]).status).toBe(0);
    },
    lose(...names) {
      for (const name of names) rmSync(join(live, name));
      utimesSync(live, OLD, OLD);
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** What watches the house on one host, in UTC: an assessment each day, and a look at its backup each hour. */
export function watching(
  { live, pattern, bundles }: Pick<House, 'live' | 'pattern' | 'bundles'>,
  changes: {
    readonly volume?: Partial<WatchedVolume>;
    readonly backup?: Partial<WatchedBackup>;
    readonly configuration?: Partial<Configuration>;
  } = {},
): Configuration {
  return {
    timeZone: 'UTC',
    bundles: { host: 'here', directory: bundles },
    volumes: [
      {
        name: 'house',
        host: 'here',
        path: live,
        layout: 'tree',
        backups: ['nights'],
        excludes: [],
        crossMounts: false,
        notGluster: false,
        bricksRescued: false,
        quick: { everyMs: 24 * HOUR_MS, window: null },
        scrub: null,
        blindAfterMs: null,
        pings: [],
        ...changes.volume,
      },
    ],
    backups: [
      {
        name: 'nights',
        host: 'here',
        pattern,
        snapshotsMax: null,
        tz: null,
        look: { everyMs: HOUR_MS, window: null },
        pings: [],
        ...changes.backup,
      },
    ],
    maintenance: [],
    digest: null,
    alarms: [],
    hooks: [],
    keepMessagesDays: 90,
    ...changes.configuration,
  };
}
