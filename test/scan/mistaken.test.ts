// What a person types for something else: live and backup swapped, one snapshot for a volume, a pattern that the shell
// expanded.
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { patternOf } from '../../services/typed/unquoted.ts';
import { assess, type AssessResult } from '../../services/assess.ts';
import { scan, type ScanRequest, type ScanResult } from '../../services/scan.ts';
import { listVolumes } from '../../services/catalog/volumes.ts';
import { disk } from '../support/disk.ts';
import { refusal } from '../support/refusal.ts';
import { plainRequest } from '../support/request.ts';
import { Catalog } from '../support/catalog.ts';
import { hasBtrfs, run } from '../support/machine.ts';

const catalog = await Catalog.forFile();
let place: string;

beforeEach(() => {
  place = realpathSync(mkdtempSync(join(tmpdir(), 'rollcall-mistaken-')));
  mkdirSync(join(place, 'live/docs'), { recursive: true });
  for (let i = 0; i < 4; i++) writeFileSync(join(place, `live/docs/f${i}`), String(i));
  mkdirSync(join(place, 's'));
  const made = place;
  onTestFinished(() => rmSync(made, { recursive: true }));
});

/** A snapshot of live, as `cp -a` makes it. */
function copy(to: string): void {
  cpSync(join(place, 'live'), join(place, to), { recursive: true, preserveTimestamps: true });
}

function age(path: string, daysAgo: number): void {
  const seconds = Date.now() / 1000 - daysAgo * 86_400;
  utimesSync(join(place, path), seconds, seconds);
}

const notices: string[] = [];
const tools = () => ({
  db: catalog.db,
  threads: catalog.threads,
  host: 'here',
  cwd: place,
  stateDir: null,
  program: 'rollcall',
  owners: new Map<number, string>(),
  nowMs: Date.now,
  signal: new AbortController().signal,
  onProgress: () => undefined,
  onNotice: (text: string) => void notices.push(text),
  onPlan: () => undefined,
});
const scanned = (target: string, more: Partial<ScanRequest> = {}): Promise<ScanResult> =>
  scan(tools(), { ...plainRequest('', [], null), target, role: null, exportFile: null, ...more });
const assessed = (live: string, backup: string, newState = false): Promise<AssessResult> =>
  assess(tools(), { ...plainRequest(live, [backup], null), newState });
const here = async (): Promise<string[]> =>
  (await listVolumes(catalog.db.pool)).map(({ name }) => name).filter((name) => name.startsWith(place));

describe('live and backup swapped', () => {
  test('are told by a date in the name of the live volume', async () => {
    copy('s/2026-11-27');
    rmSync(join(place, 'live/docs/f1'));
    const refused = await refusal(assessed('s/2026-11-27', 'live'));
    expect([refused.exit, refused.message]).toEqual([
      4,
      `${place}/s/2026-11-27, given as --live, looks like a snapshot: 2026-11-27 is a date. Are live and backup swapped? Nothing was scanned.`,
    ]);
    expect(refused.next).toContain('--new-state');
    expect(await here()).toEqual([]);
    // Whoever says so is believed, and is not asked again.
    expect((await assessed('s/2026-11-27', 'live', true)).exit).toBe(0);
    expect((await assessed('s/2026-11-27', 'live')).exit).toBe(0);
  });

  test('are told by the catalog: a snapshot that is known, or anything in one, and a live volume that is known', async () => {
    copy('s/alpha');
    copy('s/beta');
    copy('other');
    await scanned('s/*');
    await scanned('live');
    expect((await refusal(assessed('s/beta', 'live'))).message).toContain(
      `is the snapshot ${place}/s/beta of ${place}/s/*`,
    );
    expect((await refusal(assessed('s/beta/docs', 'live/docs'))).exit).toBe(4);
    expect((await refusal(assessed('other', 'live'))).message).toContain(
      `${place}/live, given as --backup, is known as a live volume, and ${place}/other is not.`,
    );
    // Both are known: a mirror may be looked at by itself, too.
    await scanned('other');
    expect((await assessed('live', 'other')).exit).toBe(0);
  });

  test('are told by the times of their directories, which a silent loss leaves alone', async () => {
    copy('mirror');
    rmSync(join(place, 'live/docs/f1'));
    for (const path of ['live/docs', 'live', 'mirror/docs', 'mirror']) age(path, 5);
    expect((await assessed('live', 'mirror')).exit).not.toBe(4);
    copy('older');
    age('older/docs', 9);
    age('older', 6);
    expect((await refusal(assessed('older', 'mirror'))).message).toContain('are older than those of');
    age('older', 1);
    expect((await assessed('older', 'mirror')).exit).not.toBe(4);
  });

  test.runIf(hasBtrfs)('are told by btrfs: nobody works in a read-only snapshot (skipped without btrfs)', async () => {
    const { at } = disk(place, { type: 'btrfs' });
    run('btrfs', 'subvolume', 'create', join(at, 'data'));
    writeFileSync(join(at, 'data/f'), 'f');
    run('btrfs', 'subvolume', 'snapshot', '-r', join(at, 'data'), join(at, 'before'));
    expect((await refusal(assessed(join(at, 'before'), join(at, 'data')))).message).toContain(
      'read-only snapshot of btrfs',
    );
    expect((await assessed(join(at, 'data'), join(at, 'before'))).exit).toBe(0);
  });
});

describe('a scan of one snapshot', () => {
  test('belongs to the series that is known, under its absolute name, and makes no volume', async () => {
    copy('s/2026-11-26');
    await scanned('./x/../s/*');
    copy('s/2026-11-27');
    for (const role of [null, 'backup'] as const) {
      const result = await scanned('s/2026-11-27', { role });
      expect(result).toMatchObject({ volume: `${place}/s/*`, role: 'backup' });
    }
    expect(notices.at(-1)).toContain('its scan belongs to that backup');
    expect(await here()).toEqual([`${place}/s/*`]);
    const kept = await catalog.db.pool.query<{ snapshot: string }>(
      `select snapshot from scan join scan_root on scan = id where path like $1 and state = 'complete' order by seq`,
      [`${place}/%`],
    );
    expect(kept.rows.map(({ snapshot }) => snapshot)).toEqual(['2026-11-26', '2026-11-27']);
    expect((await refusal(scanned('s/2026-11-27/docs'))).message).toContain('is in');
    expect(await scanned('s/2026-11-27', { role: 'live' })).toMatchObject({ role: 'live' });
  });

  test('of no series that is known is asked about, with the pattern to quote', async () => {
    copy('s/2026-11-27');
    const refused = await refusal(scanned('s/2026-11-27/docs'));
    expect([refused.exit, refused.next]).toEqual([4, expect.stringContaining(`rollcall scan '${place}/s/*/docs'`)]);
    expect(await scanned('s/2026-11-27', { role: 'backup' })).toMatchObject({ volume: `${place}/s/2026-11-27` });
  });
});

test('what the shell made of a pattern shows the pattern', () => {
  expect(patternOf(['s/2026-11-26', 's/2026-11-27'])).toBe('s/*');
  expect(patternOf(['/b/1/data', '/b/2/data', '/b/3/data'])).toBe('/b/*/data');
  expect(patternOf(['s/1'])).toBeNull();
  expect(patternOf(['s/1', 's/1/x'])).toBeNull();
  expect(patternOf(['a/1', 'b/2'])).toBeNull();
});
