// A disk that dies: many files that cannot be read at once, and a report that a person can still read.
import { describe, expect, test } from 'vitest';
import { renderAssessment } from '../../services/report/terminal/assessment.ts';
import type { FuseEntry, FuseState } from '../support/fuse-server.ts';
import { canFuse, openFuse } from '../support/fuse.ts';
import { FaultyVolume } from './faulty-volume.ts';
import { Catalog } from '../support/catalog.ts';

describe.skipIf(!canFuse)('a disk that dies (skipped where FUSE cannot be mounted)', () => {
  test('many files that cannot be read: exit 3, a report that fits on a screen, and nothing to say when they can again', async () => {
    const catalog = await Catalog.open();
    try {
      const house = FaultyVolume.open(catalog, 1);
      const state = (fails: FuseEntry['fails']): FuseState => {
        const entries: Record<string, FuseEntry> = { photos: { content: null }, films: { content: null } };
        for (let i = 0; i < 20; i++)
          entries[`photos/image-${i}`] = { content: `image ${i}`, ...(fails === undefined ? {} : { fails }) };
        for (let i = 0; i < 5; i++) entries[`films/film-${i}`] = { content: `film ${i}` };
        return entries;
      };
      const served = await openFuse(house.base, state(undefined), 'ro', house.live);
      house.snapshot(1);
      const reread = { reread: true };
      const unharmed = house.quiet({
        universe: '25 files, 2 directories',
        verdicts: { intact: 25 },
        directories: { intact: 2 },
      });
      expect(house.report(await house.assess(1, reread))).toEqual(unharmed);
      served.set(state({ read: -5 }));
      const result = await house.assess(1.1, reread);
      const report = house.report(result);
      expect(report).toMatchObject({
        exit: 3,
        verdicts: { unreadable: 20, intact: 5 },
        recovery: { exact: 20 },
        incomplete: [
          'live: 20 names in photos could not be read (EIO: input/output error: the disk or its connection fails); the findings name each.',
        ],
      });
      const lines = renderAssessment(result.assessment, result.bundle?.report ?? null, { width: 100, color: false });
      expect(lines.length).toBeLessThan(40);
      expect(lines.join('\n')).toContain('20 names in photos');
      served.set(state(undefined));
      expect(house.report(await house.assess(1.2, reread))).toEqual(unharmed);
    } finally {
      await catalog.close();
    }
  });
});
