// Lists that other tools made, as evidence in an assessment: what only they name, what they contradict, and what they
// must not claim.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { exportManifest } from '../../services/export.ts';
import { forgetList, importList, type ImportRequest, type ImportSummary } from '../../services/import.ts';
import { refusal } from '../support/refusal.ts';
import { missing, printed, run } from './tools.ts';
import { classes, findingAt, verdicts } from '../support/answers.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';
import { DAY_MS } from '../../domain/lengths.ts';

const catalog = await Catalog.forFile();
let world: Volume;

beforeEach(() => {
  world = Volume.open(catalog, 20, 'by day');
  for (let i = 0; i < 10; i++) world.write(`d${i % 2}/f${i}`, `content of file ${i}`);
});
const tools = () => ({ db: catalog.db, host: 'here', cwd: world.base, nowMs: Date.now });
const night = (n: number): ImportRequest['asOf'] => {
  const ms = world.startMs + n * DAY_MS;
  return { fromMs: ms, toMs: ms };
};

/** Writes the list beside the volume and imports it as of a night. */
async function bring(
  content: string | Buffer,
  asOf: number,
  more: Partial<ImportRequest> = {},
): Promise<ImportSummary> {
  const file = join(world.base, 'list');
  writeFileSync(file, content);
  return importList(tools(), {
    file,
    volume: world.live,
    asOf: night(asOf),
    format: null,
    root: null,
    below: null,
    side: null,
    complete: false,
    partial: false,
    unlike: false,
    ...more,
  });
}

const forget = () => forgetList(tools(), { file: join(world.base, 'list'), volume: world.live });
const xxhsum = (): Buffer => printed(world.live, ['xxhsum']);
const sha256 = (): Buffer => printed(world.live, ['sha256sum']);

describe.skipIf(missing('xxhsum'))('a list of xxhsum', () => {
  test('is evidence of what was lost before anybody scanned, and no source of it', async () => {
    world.write('d0/gone', 'nobody has this any more');
    const list = xxhsum();
    world.lose('d0/gone');
    world.snapshot(10);
    await world.scan();
    expect(await bring(list, 5)).toMatchObject({ outcome: 'new', files: 11, digests: 11, foreign: {} });
    const assessment = await world.judged();
    expect(verdicts(assessment)).toEqual({ 'd0/gone': 'missing' });
    expect(classes(assessment)).toEqual({ intact: 10, missing: 1 });
    const finding = findingAt(assessment, 'd0/gone');
    expect(finding).toMatchObject({
      recovery: 'none',
      source: null,
      expected: { kind: 'file', size: null, mtimeNs: null, mode: null, uid: null },
      cause: { cause: 'unknown' },
    });
    expect(assessment.conditions.map(({ code }) => code)).toContain('lists');
  });

  test('shows a file that changed silently since: corrupt, and where one copy stands against one, in no list', async () => {
    world.write('d0/f0', 'contents of file 0');
    const list = xxhsum();
    world.write('d0/f0', 'contents of file O');
    world.write('d0/f2', 'edited in the ordinary way', 15);
    world.snapshot(16);
    await world.scan();
    await bring(list, 10);
    const assessment = await world.judged();
    expect(verdicts(assessment)).toEqual({ 'd0/f0': 'corrupt' });
    expect(findingAt(assessment, 'd0/f0')).toMatchObject({
      flags: ['side unknown'],
      recovery: 'none',
      cause: { cause: 'silent' },
    });
    expect(classes(assessment)).toEqual({ intact: 9, corrupt: 1 });
  });

  test('that agrees with a snapshot outvotes the live file, and the snapshot is the source', async () => {
    world.snapshot(1);
    const list = xxhsum();
    world.write('d0/f0', 'content of filE 0');
    await world.scan();
    await bring(list, 5);
    const finding = findingAt(await world.judged(), 'd0/f0');
    expect(finding).toMatchObject({ verdict: 'corrupt', flags: [], recovery: 'exact', expected: { size: 17 } });
    expect(finding.source?.snapshot).toBe(new Date(world.startMs + DAY_MS).toISOString().slice(0, 10));
  });

  test('has an old snapshot read that was only believed to hold what a newer one holds', async () => {
    world.snapshot(1);
    const list = xxhsum();
    world.write('d0/f0', 'content of filE 0');
    world.snapshot(12);
    await world.scan();
    expect(verdicts(await world.judged())).toEqual({});
    await bring(list, 5);
    // The list and that snapshot are two good copies against live and the newest one, which copied the rot.
    const finding = findingAt(await world.judged(), 'd0/f0');
    expect(finding).toMatchObject({ verdict: 'corrupt', flags: [], recovery: 'exact', expected: { size: 17 } });
    expect(finding.source?.snapshot).toBe(new Date(world.startMs + DAY_MS).toISOString().slice(0, 10));
  });

  test('that contradicts what stood before and after it is itself mistaken', async () => {
    world.snapshot(1);
    world.snapshot(12);
    await world.scan();
    await bring(
      xxhsum()
        .toString()
        .replace(/^[0-9a-f]{16}/, '0123456789abcdef'),
      5,
    );
    expect(classes(await world.judged())).toEqual({ intact: 10 });
  });

  test('accuses nobody of what changed with a newer mtime, came back as it was, or was a link', async () => {
    symlinkSync('f0', join(world.live, 'd0', 'link'));
    world.snapshot(1);
    const list = Buffer.concat([xxhsum(), run(world.live, ['xxhsum', 'd0/link']).stdout]);
    world.write('d0/f2', 'edited', 8);
    world.write('d1/f1', 'content of file 1', 9);
    world.snapshot(12);
    await world.scan();
    await bring(list, 5);
    const assessment = await world.judged();
    expect(verdicts(assessment)).toEqual({});
    expect(classes(assessment)).toEqual({ intact: 11 });
  });

  test('sees a rename for what it is, by the digest alone', async () => {
    world.write('d0/old name', 'moved and still there');
    const list = xxhsum();
    execFileSync('mv', [world.path('d0/old name'), world.path('d1/new name')]);
    world.snapshot(10);
    await world.scan();
    await bring(list, 5);
    const assessment = await world.judged();
    expect(verdicts(assessment)).toEqual({ 'd0/old name': 'moved' });
    expect(findingAt(assessment, 'd0/old name').movedTo).toBe('d1/new name');
  });

  test('protects nothing: what no backup holds stays unprotected, whatever lists say', async () => {
    world.snapshot(1);
    world.snapshot(2);
    world.write('d0/never in a backup', 'x');
    execFileSync('touch', ['-d', '2001-01-01', world.path('d0/never in a backup')]);
    const list = xxhsum();
    await world.scan();
    const before = verdicts(await world.judged());
    await bring(list, 3);
    expect(verdicts(await world.judged())).toEqual(before);
    expect(before).toEqual({ 'd0/never in a backup': 'new' });
  });

  test('says nothing of what it lacks, unless it claims to be complete', async () => {
    world.snapshot(1);
    await world.scan();
    await bring(xxhsum(), 2, { complete: true });
    world.write('d0/late', 'made and lost between two lists');
    const second = xxhsum();
    world.lose('d0/late');
    await bring(second, 4);
    const third = xxhsum().toString().split('\n').slice(0, 5).join('\n');
    await bring(`${third}\n`, 6);
    const assessment = await world.judged();
    expect(verdicts(assessment)).toEqual({ 'd0/late': 'missing' });
    expect(findingAt(assessment, 'd0/late').between).toEqual({
      lastSeen: new Date(world.startMs + 4 * DAY_MS).toISOString(),
      firstGone: expect.any(String),
    });
    await bring(xxhsum(), 8, { complete: true });
    expect(findingAt(await world.judged(), 'd0/late').between?.firstGone).toBe(
      new Date(world.startMs + 8 * DAY_MS).toISOString(),
    );
  });

  test('twice changes nothing; lists come in any order, and what was imported is taken back whole', async () => {
    world.write('d0/gone', 'g');
    const [first, state] = [
      xxhsum(),
      () =>
        catalog.db.pool.query(
          'select count(*)::int as n, min(end_seq) as e from version v join root r on r.id = v.root join volume o on o.id = r.volume where o.key = $1',
          [`lists:tree:here:${world.live}`],
        ),
    ];
    world.lose('d0/gone');
    await world.scan([]);
    await bring(xxhsum(), 9);
    const before = (await state()).rows;
    expect((await bring(first, 5)).outcome).toBe('new');
    expect((await bring(first, 5)).outcome).toBe('unchanged');
    expect(verdicts(await world.judged({ series: [] }))).toEqual({ 'd0/gone': 'missing' });
    expect(await forget()).toMatchObject({ removed: 1 });
    expect((await state()).rows).toEqual(before);
    expect(verdicts(await world.judged({ series: [] }))).toEqual({});
    expect((await refusal(forget())).message).toContain('Nothing was imported');
  });

  test('of another volume, another root or another digest is stopped before it accuses everything', async () => {
    await world.scan([]);
    const list = xxhsum().toString();
    expect(await refusal(bring(list.replaceAll('  ./', '  elsewhere/'), 5))).toMatchObject({ exit: 4 });
    const little = printed(world.live, ['xxhsum', '--little-endian']);
    const stopped = await refusal(bring(little, 5));
    expect(stopped).toMatchObject({ exit: 4 });
    expect(stopped.message).toContain('None of the 10 digests');
    expect((await bring(little, 5, { unlike: true })).files).toBe(10);
    await forget();
    expect(verdicts(await world.judged({ series: [] }))).toEqual({});
  });

  test('is imported whole or not at all; with --partial the rest is told', async () => {
    await world.scan([]);
    const list = `${xxhsum().toString()}what is this\n`;
    expect((await refusal(bring(list, 5))).message).toContain('line 11');
    expect(await bring(list, 5, { partial: true })).toMatchObject({ files: 10, problems: [{ line: 11 }] });
    expect((await refusal(bring('', 5))).message).toContain('empty');
    expect((await refusal(bring(list, 5, { volume: `${world.live} (lists)` }))).message).toContain(
      'is itself made of lists',
    );
    expect((await refusal(bring(list, 5, { volume: 'nobody' }))).message).toContain('no volume nobody');
  });

  test('that is written out again is the list that was imported', async () => {
    world.write('odd names/new\nline', '1');
    world.write('odd names/back\\slash', '2');
    await world.scan([]);
    const write = async (volume: string, format: 'gnu' | 'bsd' | 'jsonl'): Promise<string[]> => {
      const pieces: Uint8Array[] = [];
      await exportManifest(
        { ...tools(), signal: new AbortController().signal, write: (p) => pieces.push(p), onRefused: () => {} },
        {
          state: { volume, asOf: null, snapshot: null },
          format,
          against: null,
          zero: false,
          file: null,
          overwrite: false,
        },
      );
      return Buffer.concat(pieces).toString().split('\n').slice(0, -1).sort();
    };
    for (const [n, format] of (['gnu', 'bsd', 'jsonl'] as const).entries()) {
      const own = await write(world.live, format);
      const { volume } = await bring(`${own.join('\n')}\n`, 3 + n);
      const digestsOf = (lines: string[]): unknown[] =>
        format === 'jsonl'
          ? lines
              .map((line) => JSON.parse(line) as { path: string; kind: string; size: number; xxh64: string })
              .filter(({ kind }) => kind === 'file')
              .map(({ path, size, xxh64 }) => [path, size, xxh64])
          : lines;
      expect(digestsOf(await write(volume, format))).toEqual(digestsOf(own));
    }
  });
});

describe('a list without digests that can be compared', () => {
  test('tells that a file was there: missing where nothing else has it, and never a reason to doubt a content', async () => {
    world.write('d0/gone', 'g');
    const list = sha256();
    world.lose('d0/gone');
    world.write('d0/f0', 'c0ntent of file 0');
    world.snapshot(12);
    await world.scan();
    expect(await bring(list, 5)).toMatchObject({ files: 11, digests: 0, foreign: { SHA256: 11 } });
    const assessment = await world.judged();
    expect(verdicts(assessment)).toEqual({ 'd0/gone': 'missing' });
    expect(classes(assessment)).toEqual({ intact: 10, missing: 1 });
  });

  test('never stands for the content of a lost file that a snapshot knows', async () => {
    world.write('d0/gone', 'in the snapshot');
    world.snapshot(1);
    const list = sha256();
    world.lose('d0/gone');
    world.snapshot(12);
    await world.scan();
    await bring(list, 5);
    expect(findingAt(await world.judged(), 'd0/gone')).toMatchObject({
      verdict: 'missing',
      recovery: 'exact',
      expected: { size: 15 },
    });
  });

  test.skipIf(missing('hashdeep'))('but with sizes knows that an older copy is not what was lost', async () => {
    world.write('d0/gone', 'first');
    world.snapshot(1);
    world.write('d0/gone', 'second, longer', 3);
    const list = run(world.live, ['hashdeep', '-l', '-r', '.']).stdout;
    world.lose('d0/gone');
    world.snapshot(12);
    await world.scan();
    expect(await bring(list, 5)).toMatchObject({ format: 'hashdeep', files: 11, digests: 0 });
    expect(findingAt(await world.judged(), 'd0/gone')).toMatchObject({
      verdict: 'missing',
      recovery: 'older',
      expected: { size: 14, digest: null },
    });
  });

  test.skipIf(missing('rclone'))('may be what rclone lists or compares of a remote', async () => {
    world.write('d0/gone', 'g');
    const listed = run(world.live, ['rclone', 'lsf', '-R', '--format', 'sp', '.']).stdout;
    const remote = join(world.base, 'remote');
    mkdirSync(remote);
    const checked = run(world.base, ['rclone', 'check', world.live, remote, '--combined', '-']).stdout;
    world.lose('d0/gone');
    await world.scan([]);
    expect(await bring(listed, 5, { format: 'lsf' })).toMatchObject({ files: 11, directories: 2 });
    expect(verdicts(await world.judged({ series: [] }))).toEqual({ 'd0/gone': 'missing' });
    await forget();
    expect((await refusal(bring(checked, 5))).next).toContain('--side');
    expect(await bring(checked, 5, { side: 'src' })).toMatchObject({ files: 11 });
    expect(verdicts(await world.judged({ series: [] }))).toEqual({ 'd0/gone': 'missing' });
    expect(readFileSync(join(world.base, 'list'))).toEqual(checked);
    rmSync(remote, { recursive: true });
  });
});

describe('a list whose accents are in other bytes than the names on disk', () => {
  const NFC = 'd0/caf\u00e9/\u00fcber.txt';
  const NFD = 'd0/cafe\u0301/u\u0308ber.txt';
  const line = (path: string): string => `MD5 (${path}) = d41d8cd98f00b204e9800998ecf8427e\n`;

  test.each([
    ['as a Mac writes them', NFC, NFD],
    ['the other way round', NFD, NFC],
  ])('%s, names the files that are there, and says so', async (_, onDisk, inList) => {
    world.write(onDisk, 'coffee');
    world.snapshot(1);
    await world.scan();
    const summary = await bring(line(inList) + line('d1/f1'), 5);
    expect(summary).toMatchObject({ spelled: [{ inList, known: onDisk }], ambiguous: [], files: 2 });
    expect(verdicts(await world.judged())).toEqual({});
    // What is lost is lost, under the name that it had.
    world.lose(onDisk);
    expect(verdicts(await world.judged())).toMatchObject({ [onDisk]: 'missing' });
  });

  test('means the very bytes first, and two files where it names two', async () => {
    world.write(NFC, 'coffee');
    world.write(NFD, 'tea');
    await world.scan([]);
    expect(await bring(line(NFC) + line(NFD), 5)).toMatchObject({ spelled: [], ambiguous: [], files: 2 });
    expect(verdicts(await world.judged({ series: [] }))).toEqual({});
    await forget();
    world.lose(NFD);
    expect(await bring(line(NFC) + line(NFD), 5)).toMatchObject({ spelled: [], files: 2 });
    expect(verdicts(await world.judged({ series: [] }))).toMatchObject({ [NFD]: 'missing' });
  });

  test('leaves out a name that may be any of several', async () => {
    const mixed = 'd0/cafe\u0301/\u00fcber.txt';
    world.write(NFC, 'coffee');
    world.write(NFD, 'tea');
    await world.scan([]);
    expect(await bring(line(mixed) + line('d1/f1'), 5)).toMatchObject({ spelled: [], ambiguous: [mixed], files: 1 });
    expect(verdicts(await world.judged({ series: [] }))).toEqual({});
  });
});
