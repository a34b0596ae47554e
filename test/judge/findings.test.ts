import { cpSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { exitOf } from '../../services/assess.ts';
import { acceptFindings } from '../../services/findings.ts';
import { inTransaction } from '../../services/catalog/database.ts';
import { decisionsOf } from '../../services/catalog/decisions.ts';
import { acceptFinding, listFindings, markRestored } from '../../services/catalog/findings.ts';
import { readAudit } from '../../services/catalog/audit-log.ts';
import { refusal } from '../support/refusal.ts';
import { findingAt, verdicts } from '../support/answers.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();
let world: Volume;
let volumeId: number;

beforeEach(async () => {
  world = Volume.open(catalog, 20, 'by day');
  for (let i = 0; i < 20; i++) world.write(`d${i % 5}/f${i}`, `content of file ${i}`);
  world.snapshot(1);
  volumeId = (await world.scan()).volume.id;
});

/**
 * The night of Volume that is today: its snapshot is dated until midnight, so that it is not older than what is decided
 * now.
 */
const TODAY = 20;

/** Live is scanned for the first time when it has happened already: only the backup knows better. */
function neverScanned(): void {
  world = Volume.open(catalog, 20, 'by day');
  for (let i = 0; i < 20; i++) world.write(`d${i % 5}/f${i}`, `content of file ${i}`);
  for (const night of [1, 2, 3]) world.snapshot(night);
}

const open = () => listFindings(catalog.db.pool, { volumeId });
const all = () => listFindings(catalog.db.pool, { volumeId, states: ['open', 'resolved', 'accepted'] });
const accept = (path: string, reason = 'it was meant') =>
  inTransaction(catalog.db, (client) =>
    acceptFinding(client, { volumeId, path }, { reason, actor: 'jo', nowMs: Date.now() }),
  );
const acceptAll = (findings: readonly string[]) =>
  acceptFindings(catalog.db, {
    findings,
    volume: null,
    host: 'here',
    cwd: '/',
    reason: 'so it should be',
    actor: 'jo',
    nowMs: Date.now(),
  });

describe('findings', () => {
  test('are kept until they are resolved: a file that comes back as it was closes its finding', async () => {
    world.lose('d1/f1');
    await world.judged();
    expect(await open()).toMatchObject([
      { path: 'd1/f1', verdict: 'missing', recovery: 'exact', state: 'open', volume: expect.any(String) },
    ]);
    await world.judged();
    expect(await all()).toHaveLength(1);
    world.write('d1/f1', 'content of file 1');
    expect(verdicts(await world.judged())).toEqual({});
    expect(await open()).toEqual([]);
    expect(await all()).toMatchObject([{ state: 'resolved' }]);
  });

  test('that a person accepts are honoured, with the reason; what happens to the path later is a new finding', async () => {
    world.lose('d1/f1');
    await world.judged();
    await expect(accept('d1/f1', '  ')).rejects.toThrow('reason');
    expect(await accept('d1/f1', 'moved to the archive')).toMatchObject([
      { state: 'accepted', reason: 'moved to the archive' },
    ]);
    await expect(accept('d1/f1')).rejects.toThrow('no open');
    const assessment = await world.judged();
    expect(findingAt(assessment, 'd1/f1')).toMatchObject({
      verdict: 'deleted',
      accepted: { reason: 'moved to the archive' },
    });
    expect(await open()).toEqual([]);
    expect(await readAudit(catalog.db.pool, 1)).toMatchObject([
      { actor: 'jo', action: 'accept', reason: 'moved to the archive' },
    ]);

    // It comes back, and that spends the acceptance: a second loss is reported.
    world.write('d1/f1', 'content of file 1');
    expect(verdicts(await world.judged())).toEqual({});
    world.lose('d1/f1');
    expect(verdicts(await world.judged())).toEqual({ 'd1/f1': 'missing' });
    expect(await open()).toHaveLength(1);
  });

  test('that a person accepts are lost anew where a snapshot had them again and they are gone once more', async () => {
    neverScanned();
    world.lose('d1/f1');
    volumeId = (await world.scan()).volume.id;
    expect(verdicts(await world.judged())).toEqual({ 'd1/f1': 'missing' });
    await accept('d1/f1');
    const [finding] = await all();
    // The nightly copies carry the loss; somebody puts the file back, and no assessment looks before it is gone once
    // more.
    world.snapshot(16);
    world.write('d1/f1', 'content of file 1');
    world.snapshot(TODAY);
    expect(verdicts(await world.judged())).toEqual({});
    world.lose('d1/f1');
    const again = await world.judged();
    expect(findingAt(again, 'd1/f1')).toMatchObject({ verdict: 'missing', accepted: null });
    expect(await open()).toMatchObject([{ id: finding?.id, path: 'd1/f1' }]);
    // Accepted once more, it stays so: that snapshot is older than this decision.
    await accept('d1/f1', 'once more');
    expect(verdicts(await world.judged())).toEqual({ 'd1/f1': 'deleted' });
  });

  test('that a person accepts stay accepted while a backup that deletes nothing has them all the time', async () => {
    const kept = join(world.base, 'kept');
    cpSync(world.live, kept, { recursive: true, preserveTimestamps: true });
    world.lose('d1/f1');
    await world.judged();
    await accept('d1/f1');
    world.snapshot(16, { from: kept });
    writeFileSync(join(kept, 'd1/f6'), 'content of file six');
    world.snapshot(TODAY, { from: kept });
    expect(findingAt(await world.judged(), 'd1/f1')).toMatchObject({
      verdict: 'deleted',
      accepted: { reason: 'it was meant' },
    });
  });

  test('accepted damage is what is expected from then on, and another damage is not', async () => {
    world.write('d2/f2', 'contEnt of file 2');
    expect(verdicts(await world.judged())).toEqual({ 'd2/f2': 'corrupt' });
    await accept('d2/f2');
    const after = await world.judged();
    expect(after.findings.filter((finding) => finding.accepted === null && finding.verdict === 'corrupt')).toEqual([]);
    expect(await open()).toEqual([]);
    world.write('d2/f2', '');
    expect(verdicts(await world.judged())).toEqual({ 'd2/f2': 'truncated' });
    expect(await open()).toMatchObject([{ verdict: 'truncated' }]);
  });

  test('are closed by a verified restore, which is remembered and logged', async () => {
    world.lose('d1/f1');
    await world.judged();
    world.write('d1/f1', 'content of file 1');
    const closed = await inTransaction(catalog.db, (client) =>
      markRestored(client, { volumeId, paths: ['d1/f1'], nowMs: Date.now(), actor: 'jo', bundle: '/tmp/bundle' }),
    );
    expect(closed).toBe(1);
    expect(await open()).toEqual([]);
    expect(await readAudit(catalog.db.pool, 1)).toMatchObject([{ action: 'restored', subject: '/tmp/bundle' }]);
    expect(verdicts(await world.judged())).toEqual({});
  });

  test('that the backup lacks what was restored are none until the next backup; when that lacks it too, verify does not close them', async () => {
    world.lose('d1/f1');
    world.snapshot(10);
    await world.judged();
    world.write('d1/f1', 'content of file 1');
    const verified = (nowMs: number) =>
      inTransaction(catalog.db, (client) =>
        markRestored(client, { volumeId, paths: ['d1/f1'], nowMs, actor: 'jo', bundle: '/tmp/bundle' }),
      );
    // Before the newest snapshot was taken, which lacks it all the same.
    expect(await verified(1)).toBe(1);
    const lacking = await world.judged();
    expect(verdicts(lacking)).toEqual({ 'd1/f1': 'backup-missing' });
    expect(exitOf(lacking)).toBe(1);
    expect(await verified(1)).toBe(0);
    expect(await open()).toMatchObject([{ path: 'd1/f1', verdict: 'backup-missing' }]);
    // After it: nothing is to be done but to wait for the next one.
    await verified(Date.now());
    const waiting = await world.judged();
    expect(verdicts(waiting)).toEqual({ 'd1/f1': 'backup-missing' });
    expect(exitOf(waiting)).toBe(0);
    expect(await open()).toEqual([]);
  });

  test('are accepted by their id, also where a lost file has that number for a name; that one is ./NUMBER', async () => {
    for (let n = 1; n <= 200; n++) world.write(`${n}`, `letter ${n}`);
    world.snapshot(2);
    world.lose('d1/f1');
    await world.judged();
    const id = String((await open())[0]?.id);
    world.lose(id);
    await world.judged();
    const paths = async (...findings: string[]) => (await acceptAll(findings)).map(({ path }) => path);
    expect(await paths(id)).toEqual(['d1/f1']);
    expect(await paths(`./${id}`)).toEqual([id]);
    expect(await open()).toEqual([]);
  });

  test('are accepted all or none: an id or a path that is not open refuses the whole call', async () => {
    world.lose('d1/f1');
    await world.judged();
    const id = String((await open())[0]?.id);
    for (const unknown of ['99999999', 'd1/f2']) {
      const { message } = await refusal(acceptAll([id, unknown]));
      expect(message).toContain(unknown);
    }
    expect(await open()).toHaveLength(1);
  });

  test('are accepted by the whole path of what is lost, as history takes it', async () => {
    world.lose('d1/f1');
    await world.judged();
    expect((await refusal(acceptAll([`${world.live}/d1/f2`]))).message).toContain('There is no open finding');
    expect(await acceptAll([`${world.live}/d1/f1`])).toMatchObject([{ path: 'd1/f1' }]);
  });

  test('of a path that a later run leaves out stay open, and a loss does not become a deletion by that', async () => {
    world.lose('d1/f1');
    await world.judged();
    world.excludes = ['/d1/'];
    await world.judged();
    expect(await open()).toMatchObject([{ path: 'd1/f1' }]);
    world.excludes = [];
    // The nightly job carries the loss.
    world.snapshot(10);
    expect(verdicts(await world.judged())).toEqual({ 'd1/f1': 'missing' });
    expect(await open()).toMatchObject([{ path: 'd1/f1' }]);
  });

  test('stay open where a later run looks at less and cannot tell them, and it says so', async () => {
    neverScanned();
    world.write('d2/f2', '');
    world.write('d3/f3', 'contEnt of file 3');
    world.stamp('d3/f3', 0);
    world.lose('d1/f1');
    const all = { 'd1/f1': 'missing', 'd2/f2': 'truncated', 'd3/f3': 'corrupt' };
    volumeId = (await world.scan()).volume.id;
    expect(verdicts(await world.judged())).toEqual(all);
    const blind = await world.judged({ series: [] });
    expect(verdicts(blind)).toEqual({});
    expect(blind.incomplete).toEqual([
      expect.stringMatching(/^3 losses that were found before remain open: this run did not check them/),
    ]);
    expect(await open()).toHaveLength(3);
    // Later than all of it.
    const late = await world.judged({ sinceMs: Date.now() + 1_000 });
    expect(late.findings.filter(({ verdict }) => verdict === 'truncated').length + late.incomplete.length).toBe(1);
    expect(await open()).toHaveLength(3);
    expect(verdicts(await world.judged())).toEqual(all);
  });

  test('of damage stay open when the nightly copy has taken it over, and the good copy is still the source', async () => {
    neverScanned();
    const { mtimeMs } = statSync(world.path('d3/f3'));
    world.write('d3/f3', 'contEnt of file 3');
    utimesSync(world.path('d3/f3'), mtimeMs / 1000, mtimeMs / 1000);
    expect(verdicts(await world.judged())).toEqual({ 'd3/f3': 'corrupt' });
    for (const night of [15, 16]) {
      world.snapshot(night);
      const assessment = await world.judged();
      expect(verdicts(assessment)).toEqual({ 'd3/f3': 'corrupt' });
      expect(findingAt(assessment, 'd3/f3')).toMatchObject({ recovery: 'exact', flags: [] });
    }
  });

  test('of losses that earlier rules made are judged anew, once, and only by every backup that was ever judged with the volume', async () => {
    world.lose('d1/f1');
    const { series } = await world.scan();
    await world.judged();
    const ids = series.map(({ id }) => id);
    const told = async (seriesIds: readonly number[]) => {
      const { oldFindings, openLosses, open: all } = await decisionsOf(catalog.db.pool, volumeId, seriesIds);
      return {
        oldFindings,
        lost: [...openLosses.keys()],
        old: all.filter(({ isOld }) => isOld).map(({ path }) => path),
      };
    };
    expect(await told(ids)).toEqual({ oldFindings: 0, lost: ['d1/f1'], old: [] });
    await catalog.db.pool.query('update finding set rules = 1 where volume = $1', [volumeId]);
    expect(await told(ids)).toEqual({ oldFindings: 1, lost: [], old: ['d1/f1'] });
    for (const fewer of [[], [volumeId]])
      expect(await told(fewer)).toEqual({ oldFindings: 0, lost: ['d1/f1'], old: ['d1/f1'] });
    await world.judged();
    expect(await told(ids)).toEqual({ oldFindings: 0, lost: ['d1/f1'], old: [] });
  });

  test('of a path that cannot be read now stay open', async () => {
    world.lose('d1/f1');
    await world.judged();
    const scanned = await world.scan();
    await catalog.db.pool.query(
      `insert into gap (scan, root, directory, name, status, errno)
         select s.id, s.root, d.id, '', 'io', 'EIO' from directory d, lateral (
           select id, root from scan join scan_root on scan = id where volume = $1 and state = 'complete' order by seq desc limit 1) s where d.path = 'd1'`,
      [volumeId],
    );
    const assessment = await world.judge(scanned);
    expect(findingAt(assessment, 'd1/f1').verdict).toBe('unreadable');
    expect(
      (await open())
        .filter((finding) => finding.path === 'd1/f1')
        .map((finding) => finding.verdict)
        .sort(),
    ).toEqual(['missing', 'unreadable']);
  });
});
