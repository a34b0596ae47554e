// The history of a volume on bricks goes on when bricks are added, taken out, or the volume is made anew; and a brick
// that nobody names any more is a gap, whatever was said before.
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { renameHost } from '../../services/catalog/hosts.ts';
import { watchedIds } from '../../services/catalog/watched.ts';
import { exposure } from '../../services/exposure.ts';
import { preflight } from '../../services/preflight.ts';
import { rebase, type Rebased } from '../../services/rebase.ts';
import { volumeNamed } from '../../services/typed/volume-named.ts';
import { parseConfiguration } from '../../services/watch/config/configuration-file.ts';
import { verdicts } from '../support/answers.ts';
import { BrickVolume, bricksAsTheyAre, setsTrusted } from '../support/brick-volume.ts';
import { Catalog, HOST } from '../support/catalog.ts';
import { refusal } from '../support/refusal.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { ScrubbedHouse } from '../watch/scrubbed-house.ts';
import { AT, PLAIN, THEN, Scene } from './scene.ts';

const catalog = await Catalog.forFile();
let base: string;
let scene: Scene;

beforeEach(() => {
  base = temporaryDirectory('rollcall-history-');
  scene = new Scene(catalog, base);
});

/** Two bricks, and a snapshot of all that they hold. */
function volume(): BrickVolume {
  const made = new BrickVolume(base, 2);
  made.directory('d', AT.mtimeNs);
  for (const [path, content] of Object.entries(PLAIN)) {
    made.file(path, content, AT);
    const copy = join(base, 'backup/2026-09-07', path);
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, content);
    utimesSync(copy, THEN, THEN);
  }
  made.settle();
  return made;
}

/** A third brick, as add-brick and fix-layout leave it: the root and the directory, and no range. */
function addBrick(made: BrickVolume): string {
  const [first = ''] = made.roots;
  const added = join(base, 'b3');
  mkdirSync(join(added, 'd'), { recursive: true });
  mkdirSync(join(added, '.glusterfs'));
  for (const [at, names] of [
    ['', ['glusterfs.volume-id', 'gfid']],
    ['d', ['gfid', 'glusterfs.mdata']],
  ] as const)
    for (const name of names) {
      const get = ['--only-values', '--absolute-names', '-n', `trusted.${name}`, join(first, at)];
      const hex = execFileSync('getfattr', get).toString('hex');
      execFileSync('setfattr', ['-n', `trusted.${name}`, '-v', `0x${hex}`, join(added, at)]);
    }
  utimesSync(join(added, 'd'), THEN, THEN);
  return added;
}

const accepted = (typed: string, newState = false): Promise<Rebased> =>
  rebase(catalog.db, {
    volume: typed,
    reason: 'remove-brick',
    actor: 'test',
    host: HOST,
    nowMs: Date.now(),
    newState,
    notGluster: false,
    bricksRescued: false,
  });

const place = { host: HOST, cwd: '/' };
/** Volumes that were read from bricks below this test's directory, with how often. */
async function volumesHere(): Promise<unknown[]> {
  return catalog.rows(
    `select r.path, (select count(*)::int from scan s where s.volume = v.id and s.state = 'complete') as scans
       from volume v join root r on r.volume = v.id where v.layout = 'gluster' and r.path like '%' || $1 || '%' order by v.id`,
    base,
  );
}

describe.skipIf(!setsTrusted)('the history of a volume on bricks (root and attr needed)', () => {
  test('goes on over add-brick, a brick that was forgotten, and remove-brick', async () => {
    const made = volume();
    expect((await scene.look(made.live)).exit).toBe(0);
    const added = addBrick(made);
    const [holder = ''] = made.roots;
    const moved = Object.keys(PLAIN).find((path) => made.brickOf(path) === 0) ?? '';
    renameSync(join(holder, moved), join(added, moved));
    for (const root of [holder, added]) utimesSync(join(root, 'd'), THEN, THEN);
    const all = `${made.live},${added}`;
    const before = bricksAsTheyAre([...made.roots, added]);
    const grown = await scene.look(all);
    expect([verdicts(grown.assessment), grown.exit, grown.assessment.universe.paths]).toEqual([{}, 0, 4]);
    // What rollcall.yaml names is this volume with any of its bricks, and no other.
    const watched = async (...bricks: readonly string[]): Promise<number | undefined> => {
      const text = `volumes: { school: { bricks: [${bricks.join(', ')}], backups: [] } }`;
      const parsed = parseConfiguration(Buffer.from(text), { host: HOST, timeZone: 'UTC' });
      if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
      return (await watchedIds(catalog.db.pool, parsed.configuration)).get('school');
    };
    const { id } = await volumeNamed(catalog.db.pool, all, place);
    for (const bricks of [[holder], [...made.roots, added], [added, '/b4']]) expect(await watched(...bricks)).toBe(id);
    expect(await watched('/b4', `${holder}/d`)).toBeUndefined();

    // Forgotten on the command line: what may be there is unknown, and the notice says what to do.
    catalog.notices.length = 0;
    const forgotten = await scene.look(made.live);
    expect([verdicts(forgotten.assessment), forgotten.exit]).toEqual([{ [moved]: 'unreadable' }, 3]);
    expect(forgotten.assessment.incomplete.join(' ')).toContain(added);
    expect(catalog.notices.join(' ')).toMatch(new RegExp(`${added}: read before as a brick .*volumes rebase`));
    const asked = { volume: made.live, backups: [], readSinceMs: null, ...place };
    expect((await exposure(catalog.db, asked)).exit).toBe(3);
    // And so it stays, until a person says that it was taken out.
    expect((await scene.look(made.live)).exit).toBe(3);
    expect(bricksAsTheyAre([...made.roots, added])).toBe(before);

    renameSync(join(added, moved), join(holder, moved));
    for (const root of [holder, added]) utimesSync(join(root, 'd'), THEN, THEN);
    expect((await accepted(made.live)).bricks).toEqual({ added: [], removed: [added], away: [], unnamed: [] });
    expect((await scene.look(made.live)).exit).toBe(0);
    expect(await volumesHere()).toEqual([{ path: made.live, scans: 5 }]);
    expect((await volumeNamed(catalog.db.pool, `gluster:${HOST}:${made.roots[1]}`, place)).path).toBe(made.live);
  });

  test('is not that of another volume on the same bricks, unless a person says so', async () => {
    const made = volume();
    await scene.look(made.live);
    const id = '0x0123456789abcdef0123456789abcdef';
    for (const root of made.roots) execFileSync('setfattr', ['-n', 'trusted.glusterfs.volume-id', '-v', id, root]);
    expect(await refusal(scene.look(made.live))).toMatchObject({
      exit: 4,
      message: expect.stringContaining('another volume than was scanned there before'),
      next: expect.stringContaining(`volumes rebase '${made.live}'`),
    });
    expect(await volumesHere()).toEqual([{ path: made.live, scans: 1 }]);
    expect((await accepted(made.live)).now.uuid).toBe(id.slice(2));
    expect((await scene.look(made.live)).exit).toBe(0);
    expect(await volumesHere()).toEqual([{ path: made.live, scans: 2 }]);
  });

  test('is that of its host under another name, too', async () => {
    const made = volume();
    await scene.look(made.live);
    const id = (await volumeNamed(catalog.db.pool, made.live, place)).key.split(':').at(-1) ?? '';
    const client = await catalog.db.pool.connect();
    try {
      await client.query('begin');
      await renameHost(client, HOST, 'store');
      const { rows } = await client.query<{ key: string }>('select key from volume where key like $1', [`%${id}`]);
      expect(rows).toEqual([{ key: `gluster:store:${id}` }]);
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  test('the scrub reads every file again through the bricks, and part of the volume is asked for by path', async () => {
    const made = volume();
    made.nameless('d/open', 'deleted while it was open', { ...AT, isUnlinked: true });
    made.settle();
    const house = new ScrubbedHouse(catalog, {}, made.live);
    await house.quick();
    house.day = 31;
    const size = Object.values(PLAIN).join('').length;
    expect(await house.slice()).toEqual({ directories: 1, bytes: size, suspects: 0, isIncomplete: false });
    expect(await house.standing()).toMatchObject({ files: 4, neverRead: 0, overdue: 0 });
    const [gone = ''] = Object.keys(PLAIN);
    const [holder = ''] = made.roots.filter((_, at) => at === made.brickOf(gone));
    rmSync(join(holder, gone));
    utimesSync(join(holder, 'd'), THEN, THEN);
    const part = { owners: [], newestFirst: false, bytesMax: null, filesMax: null };
    for (const path of ['d/a', join(holder, 'd/a')])
      expect((await scene.look(made.live, { part: { ...part, paths: [path] } })).exit).toBe(1);
    expect((await scene.look(made.live, { part: { ...part, paths: ['d/report.odt'] } })).exit).toBe(0);
  });

  test('content that has lost its name is told before a rebalance, though no listing has it', async () => {
    const made = volume();
    made.nameless('d/new', 'in no snapshot', AT);
    made.nameless('d/open', 'deleted while it was open', { ...AT, isUnlinked: true });
    made.settle();
    expect(verdicts((await scene.look(made.live)).assessment)).toEqual({ 'd/new': 'hidden' });
    const asked = { volume: made.live, backups: [], withinDays: 14, nowMs: Date.now(), program: 'rollcall', ...place };
    const { exit, coverage, steps } = await preflight(catalog.db, asked);
    expect(exit).toBe(1);
    // What a user deleted while somebody had it open is in nobody's way.
    expect(coverage.unseen).toMatchObject([{ path: 'd/new', verdict: 'hidden' }]);
    expect(steps[0]?.why).toContain('start no rebalance');
  });

  test('a brick whose directory is gone is away, not an error', async () => {
    const made = volume();
    await scene.look(made.live);
    const [, away = ''] = made.roots;
    renameSync(away, `${away}-away`);
    const { exit, assessment } = await scene.look(made.live);
    expect([exit, assessment.verdicts.missing.files]).toEqual([3, 0]);
    expect((await accepted(made.live)).bricks).toMatchObject({ removed: [], away: [away] });
    expect((await scene.look(`gluster:${made.roots[0]}`)).exit).toBe(3);
  });
});
