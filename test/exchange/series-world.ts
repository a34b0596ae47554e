// Nightly snapshots of hostile names, which one machine scans into a catalog of its own and exports to another. Not a
// test/support/volume.ts: there is no live tree beside them, and what counts are names.
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Volume } from '../../services/catalog/volumes.ts';
import { exportSeries, type ExportSummary } from '../../services/exchange/export-series.ts';
import type { FoundSeries } from '../../services/files/snapshots.ts';
import type { ScanTools } from '../../services/scan/scan-volume.ts';
import type { Catalog } from '../support/catalog.ts';
import { makeDirectory } from '../support/tree.ts';

export const BACKUP_HOST = 'backup1';

export function exported(
  catalog: Catalog,
  of: { volume: Volume; found: FoundSeries },
  file: string,
  more: Partial<ScanTools> = {},
): Promise<ExportSummary> {
  return exportSeries({ ...catalog.tools(), ...of, file, cwd: '/', crossMounts: false, ...more });
}

/** Rows in array mode, 64-bit numbers as text. */
export async function cells({ db }: Catalog, sql: string, ...parameters: readonly unknown[]): Promise<unknown[][]> {
  const found = await db.pool.query({ rowMode: 'array', text: sql, values: [...parameters] });
  return (found.rows as unknown[][]).map((row) => row.map((cell) => (typeof cell === 'bigint' ? String(cell) : cell)));
}

/** Everything that an export carries, by path; ids of rows and the time of the export are left out. */
export async function carried(catalog: Catalog, volumeId: number): Promise<Record<string, unknown[][]>> {
  return {
    scans: await cells(
      catalog,
      `select seq, path, snapshot, identity, as_of_from_ms, as_of_to_ms, as_of_source, read_only, mode, state, reason, pruned, scope, totals, started_ms, ended_ms
         from scan join scan_root on scan = id where volume = $1 order by seq`,
      volumeId,
    ),
    versions: await cells(
      catalog,
      `select d.path, v.name, first_seq, end_seq, end_reason, kind, mode, uid, gid, size, mtime_ns, target, rdev, digest, read_seq, inode, ctime_ns, btime_ns, nlink, suspect, racy, zero_from
         from version v join root r on r.id = v.root join directory d on d.id = v.directory
        where r.volume = $1 order by 1, 2, 3`,
      volumeId,
    ),
    gaps: await cells(
      catalog,
      `select s.seq, d.path, g.name, g.status, g.errno, g.detail from gap g join scan s on s.id = g.scan join directory d on d.id = g.directory
        where s.volume = $1 order by 1, 2, 3`,
      volumeId,
    ),
  };
}

/** The newest listing of every directory that still holds something; the digests of unread ones are left out. */
export function listings(catalog: Catalog, volumeId: number): Promise<unknown[][]> {
  return cells(
    catalog,
    `select distinct on (d.path) d.path, l.content_digest, l.count, l.files, l.bytes
       from listing l join root r on r.id = l.root join directory d on d.id = l.directory where r.volume = $1 order by d.path, l.seq desc`,
    volumeId,
  );
}

export class World {
  readonly path = makeDirectory('rollcall-export-');

  join(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  /** Nights of a small school; names are bytes. All times lie long before the scan, so that nothing is racy. */
  nights(): string {
    for (const night of [1, 2, 3]) this.night(night);
    return this.join('snapshots', '*');
  }

  night(night: number): string {
    const root = this.join('snapshots', `2026-11-0${night}`);
    mkdirSync(root, { recursive: true });
    const write = (name: string | Buffer, content: string): void => {
      const path = Buffer.concat([Buffer.from(`${root}/`), typeof name === 'string' ? Buffer.from(name) : name]);
      mkdirSync(path.subarray(0, path.lastIndexOf('/')), { recursive: true });
      writeFileSync(path, content);
      utimesSync(path, 1_700_000_000, 1_700_000_000 + content.length);
    };
    write('people/anna/essay.txt', 'The sea was grey.'.repeat(night));
    write('people/anna/photo.jpg', 'same every night');
    write('people/anna-b/sorts between', 'anna and anna/');
    if (night < 3) write('people/ben/thesis.odt', 'gone in the third night'.repeat(night));
    if (night === 1) write('old/gone/after the first', 'x');
    if (night > 1) write('people/ben/new.txt', 'new');
    write('names/new\nline', '1');
    write('names/--delete', '2');
    write('names/"quoted" \'twice\' $(touch x)', '3');
    write('names/back\\slash\\x0a', '4');
    write('names/line\u2028separator \u202egnp', '5');
    write('names/😀 emoji', '6');
    write('names/\ufb01 ligature', '7');
    write(Buffer.concat([Buffer.from('names/latin1-'), Buffer.from([0xe4, 0xff, 0x0d])]), '8');
    write(Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('/in a directory\twithout UTF-8')]), '9');
    write(`names/${'n'.repeat(255)}`, 'longest');
    write('empty file', '');
    write('twice/a', 'hard link');
    linkSync(join(root, 'twice/a'), join(root, 'twice/b'));
    mkdirSync(join(root, 'empty/directory'), { recursive: true });
    symlinkSync('../../etc/passwd\n', join(root, 'names/link'));
    execFileSync('mkfifo', [join(root, 'names/fifo')]);
    // Somebody changed every directory before that night. Whole seconds can be set back exactly.
    execFileSync('find', [root, '-type', 'd', '-exec', 'touch', '-d', `@${1_700_000_000 + night}`, '{}', '+']);
    return root;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
