// Lists that Rollcall writes, given to the tools that they are for.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodePath } from '../../domain/path.ts';
import { exportManifest, type ManifestRequest, type ManifestSummary } from '../../services/export.ts';
import { BREAKING_NAMES, bytesOfName, HARD_NAMES, missing, printed, run, writeNamed } from './tools.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();
let world: Volume;
let out: string;

beforeEach(() => {
  world = Volume.open(catalog, 20, 'by day');
  out = mkdtempSync(join(tmpdir(), 'rollcall-list-'));
});
afterEach(() => {
  rmSync(out, { recursive: true });
});

const latest = (volume: string): ManifestRequest['state'] => ({ volume, asOf: null, snapshot: null });

async function list(
  request: Partial<ManifestRequest> = {},
): Promise<{ list: Buffer; refused: string[]; summary: ManifestSummary }> {
  const pieces: Uint8Array[] = [];
  const refused: string[] = [];
  const summary = await exportManifest(
    {
      db: catalog.db,
      host: 'here',
      cwd: '/',
      signal: new AbortController().signal,
      write: (piece) => pieces.push(piece),
      onRefused: (path) => refused.push(path),
    },
    {
      state: latest(world.live),
      format: 'xxhsum',
      against: null,
      zero: false,
      file: null,
      overwrite: false,
      ...request,
    },
  );
  return { list: Buffer.concat(pieces), refused, summary };
}

const lines = (raw: Buffer, end = '\n'): string[] => raw.toString('latin1').split(end).slice(0, -1).sort();
const bare = (raw: Buffer): string[] =>
  lines(raw)
    .map((line) => line.replace('  ./', '  '))
    .sort();
const printable = (names: readonly string[]): string[] => names.map((name) => encodePath(bytesOfName(name))).sort();

describe('a list of digests', () => {
  beforeEach(async () => {
    for (const name of [...HARD_NAMES, ...BREAKING_NAMES]) writeNamed(world.live, name, `content of ${name}`);
    for (const name of HARD_NAMES) writeNamed(world.live, `below/${name}`, `below ${name}`);
    symlinkSync('nowhere', join(world.live, 'a link'));
    await world.scan([]);
  });

  test.skipIf(missing('xxhsum'))(
    'is accepted by the real xxhsum, name for name, and what it cannot hold is refused by name',
    async () => {
      for (const format of ['xxhsum', 'xxhsum-tag'] as const) {
        const { list: written, refused, summary } = await list({ format });
        expect(refused.sort()).toEqual(printable(BREAKING_NAMES));
        expect(summary).toMatchObject({ written: 2 * HARD_NAMES.length, refused: BREAKING_NAMES.length, others: 2 });
        const checked = run(world.live, ['xxhsum', '-c', '--strict', '-'], written);
        expect(checked).toMatchObject({ status: 0, stderr: '' });
        expect(lines(checked.stdout)).toHaveLength(2 * HARD_NAMES.length);
      }
    },
  );

  test.skipIf(missing('xxhsum'))('is what the real xxhsum prints of the same files', async () => {
    for (const name of BREAKING_NAMES) rmSync(Buffer.concat([Buffer.from(`${world.live}/`), bytesOfName(name)]));
    await world.scan([]);
    expect(bare((await list()).list)).toEqual(bare(printed(world.live, ['xxhsum'])));
  });

  test('in the layout of coreutils holds every name: md5sum reads it back', async () => {
    // coreutils knows no XXH64: its own digests stand where ours do, and the layout is what is compared.
    const theirs = printed(world.live, ['md5sum']);
    const { list: ours, refused } = await list({ format: 'gnu' });
    expect(refused).toEqual([]);
    const names = (raw: Buffer): string[] =>
      lines(raw)
        .map((line) => line.replace(/^(\\?)[0-9a-f]+ {2}(?:\.\/)?/, '$1'))
        .sort();
    expect(names(ours)).toEqual(names(theirs));
    const { list: tagged } = await list({ format: 'bsd' });
    const tags = (raw: Buffer): string[] =>
      lines(raw)
        .map((line) => line.replace(/^(\\?)(?:MD5|XXH64) \((?:\.\/)?/, '$1(').replace(/= [0-9a-f]+$/, '='))
        .sort();
    expect(tags(tagged)).toEqual(tags(printed(world.live, ['md5sum', '--tag'])));
    const { list: zero } = await list({ format: 'gnu', zero: true });
    const raw = (bytes: Buffer): string[] =>
      lines(bytes, '\0')
        .map((line) => line.replace(/^[0-9a-f]+ {2}(?:\.\/)?/, ''))
        .sort();
    expect(raw(zero)).toEqual(raw(printed(world.live, ['md5sum', '-z'])));
  });

  test('as JSON lines holds everything that is known, links and directories too', async () => {
    const { list: written } = await list({ format: 'jsonl' });
    const objects = written
      .toString()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { path: string; kind: string; target: string | null });
    expect(objects.map(({ path }) => path).sort()).toEqual(
      [
        ...printable([...HARD_NAMES, ...BREAKING_NAMES]),
        ...printable(HARD_NAMES).map((name) => `below/${name}`),
        'a link',
        'below',
      ].sort(),
    );
    expect(objects.find(({ path }) => path === 'a link')).toMatchObject({ kind: 'symlink', target: 'nowhere' });
  });

  test('goes to a file whole or not at all, mode 0600, and never into a volume or over a file', async () => {
    const umask = process.umask(0o022);
    try {
      const file = join(out, 'list');
      const { summary } = await list({ file });
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(readFileSync(file)).toEqual((await list()).list);
      expect(summary.file).toBe(file);
      await expect(list({ file })).rejects.toThrow('exists');
      await list({ file, overwrite: true, format: 'gnu' });
      await expect(list({ file: join(world.live, 'below', 'list') })).rejects.toThrow('never writes inside a volume');
      mkdirSync(join(out, 'directory'));
      await expect(list({ file: join(out, 'directory'), overwrite: true })).rejects.toThrow('is not a file');
      await expect(list({ file: join(out, 'nowhere', 'list') })).rejects.toThrow(
        'its directory cannot be used (ENOENT',
      );
      expect(readdirSync(out).sort()).toEqual(['directory', 'list']);
    } finally {
      process.umask(umask);
    }
  });
});

describe('what was not read or not looked at', () => {
  test('is told, and never in the list', async () => {
    world.write('a', 'one');
    world.write('b', 'two');
    world.snapshot(1);
    world.write('a', 'one, changed', 1);
    world.snapshot(2);
    const { series } = await world.scan();
    const volume = series[0]?.pattern ?? '';
    const snapshots = readdirSync(join(world.base, 'backup')).sort();
    const { list: newest, summary: all } = await list({ state: latest(volume) });
    expect(lines(newest)).toHaveLength(2);
    expect(all.unread.files).toBe(0);
    const { list: older, summary } = await list({
      state: { volume, asOf: null, snapshot: snapshots[0] ?? '' },
    });
    expect(summary.unread).toEqual({ files: 1, first: ['a'] });
    expect(lines(older)).toHaveLength(1);
    await catalog.db.pool.query(
      `insert into gap (scan, root, directory, name, status, errno) select id, root, 0, 'b', 'io', 'EIO' from scan join scan_root on scan = id where volume = $1 and state = 'complete'`,
      [series[0]?.id],
    );
    const { list: gapped, summary: withGap } = await list({ state: latest(volume) });
    expect(withGap.gaps).toMatchObject([{ name: 'b', errno: 'EIO' }]);
    expect(lines(gapped).map((line) => line.slice(18))).toEqual(['a']);
  });
});

describe('two states compared', () => {
  test.skipIf(missing('rclone'))('are what rclone check --combined prints', async () => {
    for (const name of ['same', 'd/same', ' leads', 'co,mma', 'grows', 'flips', 'goes', 'caf\u00e9'])
      world.write(name, `content of ${name}`);
    const snapshot = world.snapshot(1);
    world.write('grows', 'content of grows, and more');
    world.write('flips', 'content of flipt');
    world.lose('goes');
    world.write('d/comes', 'here I am');
    const { series } = await world.scan();
    const { list: ours, summary } = await list({ format: 'combined', against: latest(series[0]?.pattern ?? '') });
    const theirs = run('/', ['rclone', 'check', world.live, snapshot, '--combined', '-', '--checksum']);
    expect(lines(ours)).toEqual(lines(theirs.stdout));
    expect(summary.signs).toEqual({ '=': 5, '-': 1, '+': 1, '*': 2, '!': 0 });
  });

  test('say ! where one side could not be read or was never read, and refuse a name that would break a line', async () => {
    writeNamed(world.live, 'new\nline', 'x');
    world.write('a', 'one');
    world.write('gap', 'two');
    world.snapshot(1);
    const { volume, series } = await world.scan();
    await catalog.db.pool.query(
      `insert into gap (scan, root, directory, name, status, errno) select id, root, 0, 'gap', 'denied', 'EACCES' from scan join scan_root on scan = id where volume = $1`,
      [volume.id],
    );
    const { list: ours, refused } = await list({ format: 'combined', against: latest(series[0]?.pattern ?? '') });
    expect(lines(ours)).toEqual(['! gap', '= a']);
    expect(refused).toEqual(['new\\x0aline']);
  });
});
