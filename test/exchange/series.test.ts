// An export carries a backup series to another machine: all of it, or nothing, with an error that says what to do.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assess } from '../../services/assess.ts';
import { importExport } from '../../services/exchange/import-export.ts';
import { countUnread } from '../../services/catalog/export.ts';
import { plainRequest } from '../support/request.ts';
import { refusal } from '../support/refusal.ts';
import { BACKUP_HOST, carried, cells, exported, listings, World } from './series-world.ts';
import { Catalog } from '../support/catalog.ts';
import { SEED } from '../support/random.ts';

const backup = await Catalog.forFile(1, BACKUP_HOST);
const live = await Catalog.forFile(1, 'files1');
let world: World;

beforeEach(() => {
  world = new World();
});
afterEach(() => {
  world.remove();
});

const bring = (file: string): ReturnType<typeof importExport> => importExport({ db: live.db, file, nowMs: Date.now });

/** Lines of an export, and the same file with other lines and a last line that fits them. */
function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -2);
}
function sealed(lines: readonly string[], counts: { scans?: number; versions?: number; gaps?: number } = {}): string {
  const body = lines.map((line) => `${line}\n`).join('');
  const of = (begin: string): number => lines.filter((line) => line.startsWith(begin)).length;
  const end = { scans: of('{"scan"'), versions: of('["version"'), gaps: of('["gap"'), ...counts };
  return `${body}${JSON.stringify({ end: { ...end, sha256: createHash('sha256').update(body).digest('hex') } })}\n`;
}

describe('an export of a series', () => {
  it('brings every scan, version, gap and digest to another machine, whatever the names are', async () => {
    const scanned = await backup.scanSnapshots(world.nights());
    const before = await countUnread(backup.db.pool, scanned.volume.id);
    expect(before.files).toBeGreaterThan(0);
    const file = world.join('school.rollcall');
    const summary = await exported(backup, scanned, file);
    expect(summary).toMatchObject({ file, host: BACKUP_HOST, scans: 3, pruned: 0, replaced: false, failures: 0 });
    expect(summary.read).toEqual(before);
    expect(summary.unread).toEqual({ files: 0, bytes: 0 });
    expect(statSync(file).mode & 0o7777).toBe(0o600);
    expect(summary.bytes).toBe(statSync(file).size);
    expect(readdirSync(world.path).sort()).toEqual(['school.rollcall', 'snapshots']);

    const volume = await bring(file);
    expect(volume).toMatchObject({
      key: `export:${BACKUP_HOST}:${scanned.found.series.key}`,
      role: 'backup',
      layout: 'snapshots',
      host: BACKUP_HOST,
      path: scanned.volume.path,
      outcome: 'new',
      exportedMs: summary.exportedMs,
    });
    const there = await carried(backup, scanned.volume.id);
    const here = await carried(live, volume.id);
    expect(here).toEqual(there);
    expect(here['scans']).toHaveLength(3);
    expect(here['versions']).toHaveLength(summary.versions);
    expect(here['versions']?.map(([, name]) => name)).toContain('latin1-\\xe4\\xff\\x0d');
    const marked = await cells(live, 'select distinct exported_ms from scan where volume = $1', volume.id);
    expect(marked).toEqual([[String(summary.exportedMs)]]);
    const unread = await cells(
      live,
      `select v.name from version v where v.root = $1 and v.kind = 'file' and v.digest is null`,
      volume.rootId,
    );
    expect(unread).toEqual([]);
    // The newest night was read by its scan, so its listings have digests there; those that were made here must be the
    // same.
    const now = new Set(here['versions']?.filter((row) => row[3] === null).map(([path]) => path));
    const listed = (await listings(backup, scanned.volume.id)).filter(
      ([path, , count]) => count === 0 || now.has(path),
    );
    expect(await listings(live, volume.id)).toEqual(listed);
    expect(listed.map(([path]) => path)).toContain('empty/directory');
  });

  it('is the same to the byte when nothing has changed, but for its time', async () => {
    const scanned = await backup.scanSnapshots(world.nights());
    const first = await exported(backup, scanned, world.join('a'));
    const second = await exported(backup, scanned, world.join('b'), { nowMs: () => first.exportedMs + 1 });
    expect(second.read.files).toBe(0);
    const [a, b] = [linesOf(first.file), linesOf(second.file)];
    expect(a[0]).not.toBe(b[0]);
    expect(b.slice(1)).toEqual(a.slice(1));
    const third = await exported(backup, scanned, world.join('c'), { nowMs: () => first.exportedMs });
    expect(third.sha256).toBe(first.sha256);
  });

  it('carries what could not be read as unread, with the reason, and never as good', async () => {
    const scanned = await backup.scanSnapshots(world.nights());
    // Another state than the scan saw lies there when the export reads.
    writeFileSync(world.join('snapshots/2026-11-02/people/ben/thesis.odt'), 'overwritten in between');
    const { file, unread, failures, unreadable } = await exported(backup, scanned, world.join('export'));
    expect(unread.files).toBe(1);
    expect(failures).toBe(1);
    expect(unreadable).toMatchObject([{ directory: 'people/ben', name: 'thesis.odt', status: 'unsettled' }]);
    const volume = await bring(file);
    const rows = await cells(
      live,
      `select v.digest, g.status from version v join scan s on s.volume = $1 and s.seq = v.first_seq
         left join gap g on g.scan = s.id and g.directory = v.directory and g.name = v.name
        where v.root = $2 and v.name = 'thesis.odt' order by v.first_seq`,
      volume.id,
      volume.rootId,
    );
    expect(rows).toEqual([
      [expect.any(String), null],
      [null, 'unsettled'],
    ]);
  });

  it('reads an older copy where the newest cannot be read, or could not be read', async () => {
    const scanned = await backup.scanSnapshots(world.nights());
    const { id, rootId } = scanned.volume;
    // Both are one version over all nights, read in the third. Forget that; spoil one copy there, and hide the other.
    await cells(
      backup,
      `update packed_version set digest = null, read_seq = null where root = $1 and name in ('photo.jpg', '--delete') returning 1`,
      rootId,
    );
    truncateSync(world.join('snapshots/2026-11-03/people/anna/photo.jpg'), 1);
    await cells(
      backup,
      `insert into gap (scan, root, directory, name, status, errno)
         select s.id, p.root, d.id, '', 'io', 'EIO' from scan s join scan_root p on p.scan = s.id, directory d where s.volume = $1 and s.snapshot = '2026-11-03' and d.path = 'names' returning 1`,
      id,
    );
    const { unread, unreadable, file } = await exported(backup, scanned, world.join('export'));
    expect(unread.files).toBe(0);
    expect(unreadable.map(({ name }) => name)).toEqual(['photo.jpg']);
    const read = await cells(
      backup,
      `select v.name, s.snapshot from version v join scan_root p on p.root = v.root join scan s on s.id = p.scan and s.seq = v.read_seq
        where v.root = $1 and v.name in ('photo.jpg', '--delete') order by v.name`,
      rootId,
    );
    expect(read).toEqual([
      ['--delete', '2026-11-02'],
      ['photo.jpg', '2026-11-02'],
    ]);
    const volume = await bring(file);
    const gaps = (await carried(live, volume.id))['gaps']?.map(([, directory, name, status]) => [
      directory,
      name,
      status,
    ]);
    expect(gaps).toEqual([
      ['names', '', 'io'],
      ['people/anna', 'photo.jpg', 'unsettled'],
    ]);
  });

  it('keeps the history of a snapshot that is gone, and says that it is gone', async () => {
    const pattern = world.nights();
    await backup.scanSnapshots(pattern);
    rmSync(world.join('snapshots/2026-11-01'), { recursive: true });
    const scanned = await backup.scanSnapshots(pattern);
    const summary = await exported(backup, scanned, world.join('export'));
    expect(summary).toMatchObject({ scans: 3, pruned: 1, unread: { files: 0 } });
    const volume = await bring(summary.file);
    expect(await cells(live, 'select snapshot, pruned from scan where volume = $1 order by seq', volume.id)).toEqual([
      ['2026-11-01', 'gone'],
      ['2026-11-02', null],
      ['2026-11-03', null],
    ]);
    expect(await carried(live, volume.id)).toEqual(await carried(backup, scanned.volume.id));
  });

  it('leaves nothing behind when it is interrupted, and keeps what was read', async () => {
    const scanned = await backup.scanSnapshots(world.nights());
    const interrupt = new AbortController();
    const file = world.join('export');
    const onProgress = (): void => interrupt.abort();
    const error = await refusal(exported(backup, scanned, file, { signal: interrupt.signal, onProgress }));
    expect(error.exit).toBe(130);
    expect(readdirSync(world.path)).toEqual(['snapshots']);
    expect((await exported(backup, scanned, file)).unread.files).toBe(0);
  });
});

describe('the place of an export', () => {
  it('is never inside a volume, nor where the pattern would take it for a snapshot', async () => {
    const scanned = await backup.scanSnapshots(world.nights());
    for (const file of ['snapshots/2026-11-02/export', 'snapshots/2026-11-02/people/anna/export', 'snapshots/export']) {
      const error = await refusal(exported(backup, scanned, world.join(file)));
      expect(error.message).toMatch(/inside the volume|taken for a snapshot/);
      expect(existsSync(world.join(file))).toBe(false);
    }
    symlinkSync(world.join('snapshots/2026-11-02'), world.join('innocent'));
    const error = await refusal(exported(backup, scanned, world.join('innocent/export')));
    expect(error.message).toContain('inside the volume');
  });

  it('replaces an earlier export of the same series, and nothing else', async () => {
    const scanned = await backup.scanSnapshots(world.nights());
    const file = world.join('export');
    await exported(backup, scanned, file);
    expect((await exported(backup, scanned, file)).replaced).toBe(true);

    const another = new World();
    try {
      const other = await backup.scanSnapshots(another.nights());
      const before = readFileSync(file);
      expect((await refusal(exported(backup, other, file))).message).toContain('another backup');
      expect(readFileSync(file)).toEqual(before);
    } finally {
      another.remove();
    }
    writeFileSync(world.join('letter'), 'Dear parents');
    expect((await refusal(exported(backup, scanned, world.join('letter')))).message).toContain(
      'not an export of Rollcall',
    );
    expect(readFileSync(world.join('letter'), 'utf8')).toBe('Dear parents');
    mkdirSync(world.join('directory'));
    expect((await refusal(exported(backup, scanned, world.join('directory')))).message).toContain('is not a file');
    expect((await refusal(exported(backup, scanned, world.join('none/export')))).message).toContain(
      'its directory cannot be used (ENOENT',
    );
  });
});

describe('an import', () => {
  it('refuses a file that was cut off anywhere, or in which one bit has flipped, and believes none of it', async () => {
    const scanned = await backup.scanSnapshots(world.nights());
    const { file } = await exported(backup, scanned, world.join('export'));
    const whole = readFileSync(file);
    let state = SEED % 100_000;
    const below = (limit: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state % limit;
    };
    const damaged = world.join('damaged');
    const cuts = [0, 1, whole.length - 1, whole.length - 2, ...Array.from({ length: 20 }, () => below(whole.length))];
    for (const cut of cuts) {
      writeFileSync(damaged, whole.subarray(0, cut));
      expect((await refusal(bring(damaged))).message, `cut at ${cut}`).toMatch(/cut off|not an export/);
    }
    const flips = [0, whole.length - 1, ...Array.from({ length: 60 }, () => below(whole.length))];
    for (const at of [...flips, ...Array.from({ length: 40 }, (_, back) => whole.length - 2 - 3 * back)]) {
      const copy = Buffer.from(whole);
      copy[at] = (copy[at] ?? 0) ^ (1 << below(8));
      writeFileSync(damaged, copy);
      const { message } = await refusal(bring(damaged));
      expect(message, `flipped at ${at}`).toMatch(/damaged|not an export of Rollcall/);
    }
    const key = `export:${BACKUP_HOST}:${scanned.found.series.key}`;
    expect(await cells(live, 'select from volume where key = $1', key)).toEqual([]);
  });

  it('refuses what is no export, with the way to make one', async () => {
    for (const content of ['', '\n', 'Dear parents\n', '{"rollcall":"bundle"}\n', '\x1f\x8b\x08\x00']) {
      writeFileSync(world.join('foreign'), content);
      const error = await refusal(bring(world.join('foreign')));
      expect(error.message).toContain('is not an export of Rollcall');
      expect(error.next).toContain('rollcall scan --export');
    }
    expect((await refusal(bring(world.join('nothing')))).message).toContain('ENOENT');
    expect((await refusal(bring(world.path))).message).toContain('is not a file');
  });

  it('refuses paths that lead out of their root, text that acts on terminals, and rows that contradict one another', async () => {
    const scanned = await backup.scanSnapshots(world.nights());
    const { file } = await exported(backup, scanned, world.join('export'));
    const lines = linesOf(file);
    const at = lines.findIndex((line) => line.includes('essay.txt'));
    const forge = (change: (fields: unknown[]) => void, line = at): string[] => {
      const fields = JSON.parse(lines[line]!) as unknown[];
      change(fields);
      return lines.with(line, JSON.stringify(fields));
    };
    const set =
      (index: number, value: unknown) =>
      (fields: unknown[]): void => {
        fields[index] = value;
      };
    const scan = lines.findIndex((line) => line.startsWith('{"scan"'));
    const forgeScan = (change: object): string[] => {
      const { scan: fields } = JSON.parse(lines[scan]!) as { scan: object };
      return lines.with(scan, JSON.stringify({ scan: { ...fields, ...change } }));
    };
    const forgeries: Record<string, readonly string[]> = {
      'a directory above the root': forge(set(1, '../people/anna')),
      'an absolute directory': forge(set(1, '/etc')),
      'a name of two': forge(set(2, 'a/b')),
      'a name that is ..': forge(set(2, '..')),
      'a raw newline': forge(set(2, 'a\nb')),
      'a raw escape sequence': forge(set(2, '\x1b[2J')),
      'text that hides its order': forge(set(2, 'a\u202eb')),
      'two forms of one name': forge(set(2, '\\x61')),
      'a name that is too long': forge(set(2, 'n'.repeat(256))),
      'a negative size': forge(set(10, '-1')),
      'a file without a size': forge(set(10, null)),
      'a number beyond 64 bits': forge(set(11, '9223372036854775808')),
      'a digest in capitals': forge(set(14, 'ABCDEF0123456789')),
      'an unknown kind': forge(set(6, 'door')),
      'an end before the beginning': forge((fields) => fields.splice(4, 2, '1', 'c')),
      'an end without a reason': forge(set(5, null)),
      'zeros from behind the end of the file': forge(set(22, '1000000000')),
      'a field too many': forge((fields) => fields.push(1)),
      'a version twice': lines.toSpliced(at, 0, lines[at]!),
      'another order': lines.with(at, lines[at + 3]!).with(at + 3, lines[at]!),
      'a gap of no scan': [...lines, '["gap","1","","x","io","EIO",null]'],
      'a version behind a gap': [...lines, '["gap","1","","x","io","EIO",null]', lines.at(-1)!],
      'a snapshot with a relative path': forgeScan({ path: 'snapshots/1' }),
      'a snapshot above its series': forgeScan({ snapshot: '../x' }),
      'a snapshot path that climbs': forgeScan({ path: '/backup/../etc' }),
      'a state without rules': forgeScan({ scope: null }),
      'scans twice': lines.toSpliced(scan, 0, lines[scan]!),
      'no scan': lines.filter((line) => !line.startsWith('{"scan"')),
      'a host that is an option': [lines[0]!.replace(BACKUP_HOST, '-oProxyCommand=x'), ...lines.slice(1)],
      'another format': [lines[0]!.replace('"format":2', '"format":3'), ...lines.slice(1)],
    };
    for (const [what, forged] of Object.entries(forgeries)) {
      writeFileSync(world.join('forged'), sealed(forged));
      expect((await refusal(bring(world.join('forged')))).message, what).toContain('holds what no export');
    }
    writeFileSync(world.join('forged'), sealed(lines, { versions: 1 }));
    expect((await refusal(bring(world.join('forged')))).message).toContain('more or fewer lines');
    const key = `export:${BACKUP_HOST}:${scanned.found.series.key}`;
    expect(await cells(live, 'select from volume where key = $1', key)).toEqual([]);
    writeFileSync(world.join('forged'), sealed(lines));
    expect((await bring(world.join('forged'))).outcome).toBe('new');
  });

  it('takes an export of the format before, which does not tell how contents look', async () => {
    const scanned = await backup.scanSnapshots(world.nights());
    const { file } = await exported(backup, scanned, world.join('now'));
    const lines = linesOf(file).map((line) => {
      if (line.startsWith('{"rollcall"')) return line.replace('"format":2', '"format":1');
      return line.startsWith('["version"') ? JSON.stringify((JSON.parse(line) as unknown[]).slice(0, 22)) : line;
    });
    writeFileSync(world.join('before'), sealed(lines));
    const volume = await bring(world.join('before'));
    const [here, there] = [await carried(live, volume.id), await carried(backup, scanned.volume.id)];
    const without = (rows: unknown[][] | undefined): unknown[] => (rows ?? []).map((row) => row.slice(0, -1));
    expect(without(here['versions'])).toEqual(without(there['versions']));
    expect(new Set(here['versions']?.map((row) => row.at(-1)))).toEqual(new Set([null]));
  });

  it('replaces an earlier export of the series by a newer one, changes nothing the second time, and refuses an older one', async () => {
    const pattern = world.nights();
    const first = await exported(backup, await backup.scanSnapshots(pattern), world.join('first'));
    world.night(4);
    rmSync(world.join('snapshots/2026-11-01'), { recursive: true });
    const scanned = await backup.scanSnapshots(pattern);
    const second = await exported(backup, scanned, world.join('second'), { nowMs: () => first.exportedMs + 60_000 });

    const imported = await bring(first.file);
    const ids = (): Promise<unknown[][]> =>
      cells(live, 'select seq, id from scan where volume = $1 order by seq', imported.id);
    const before = await ids();
    const volume = await bring(second.file);
    expect(volume).toMatchObject({ id: imported.id, rootId: imported.rootId, outcome: 'replaced' });
    expect(await carried(live, volume.id)).toEqual(await carried(backup, scanned.volume.id));
    expect((await ids()).slice(0, 3)).toEqual(before);

    const rows = (): Promise<unknown[][]> =>
      cells(live, 'select v.xmin::text, v.ctid::text from packed_version v where root = $1 order by 2', volume.rootId);
    const held = await rows();
    expect((await bring(second.file)).outcome).toBe('unchanged');
    expect(await rows()).toEqual(held);
    expect((await refusal(bring(first.file))).message).toContain('a newer export');
    expect(await rows()).toEqual(held);
  });

  it('tells the machine of the live volume where the good copy of a lost file lies', async () => {
    const scanned = await backup.scanSnapshots(world.nights());
    const { file, exportedMs } = await exported(backup, scanned, world.join('export'));
    const night = world.join('snapshots/2026-11-03');
    mkdirSync(world.join('live'));
    // The live volume is the newest night, less one file that was lost silently: its directory's time stands still.
    execFileSync('cp', ['-a', `${night}/.`, world.join('live')]);
    rmSync(world.join('live/people/anna/photo.jpg'));
    execFileSync('touch', ['-r', `${night}/people/anna`, world.join('live/people/anna')]);
    const request = plainRequest(world.join('live'), [file], world.join('bundle'));
    // Whatever lies in the snapshots' place on this machine is another machine's path, and is not looked at.
    const moved = world.join('elsewhere');
    execFileSync('mv', [world.join('snapshots'), moved]);
    const tools = {
      ...live.tools(),
      cwd: world.path,
      stateDir: null,
      program: 'rollcall',
      owners: new Map<number, string>(),
      onPlan: () => {},
    };
    const { assessment } = await assess(tools, request);
    const missing = assessment.findings.filter(({ verdict }) => verdict === 'missing');
    expect(missing).toMatchObject([
      {
        path: 'people/anna/photo.jpg',
        recovery: 'exact',
        cause: { cause: 'silent' },
        source: { snapshot: '2026-11-03', root: night, proof: 'export', proofAtMs: exportedMs },
      },
    ]);
    // What is the same in the newest night is plainly intact: nothing of it is called damaged, unread or gone.
    const verdicts = new Set(assessment.findings.map(({ verdict }) => verdict));
    expect([...verdicts].sort()).toEqual(['deleted', 'missing']);
  });
});
