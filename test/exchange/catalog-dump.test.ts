// A backup of the catalog while it is in use, and its way back: nothing is different afterwards, and what is damaged is
// refused before a row of it is loaded.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXIT } from '../../domain/exit.ts';
import { assess } from '../../services/assess.ts';
import { leaveTask, takeTask } from '../../services/catalog/tasks.ts';
import { inTransaction } from '../../services/catalog/database.ts';
import { holdLeases } from '../../services/catalog/holders.ts';
import { beginScan } from '../../services/catalog/scans.ts';
import { claimShard } from '../../services/catalog/shards.ts';
import { ensureVolume } from '../../services/catalog/volumes.ts';
import { dumpCatalog, loadCatalog } from '../../services/dump.ts';
import { findingsOf } from '../../services/findings.ts';
import { history } from '../../services/history.ts';
import { statusOf } from '../../services/status.ts';
import { reportIn } from '../support/answers.ts';
import { scanToBegin } from '../support/begin.ts';
import { Catalog, HOST } from '../support/catalog.ts';
import { refusal } from '../support/refusal.ts';
import { plainRequest } from '../support/request.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();
const other = await Catalog.forFile();
const directory = catalog.directory();
const toolsOf = ({ db }: Catalog) => {
  return { db, host: HOST, cwd: directory, nowMs: Date.now, signal: new AbortController().signal, actor: 'jo' };
};
const dumpTo = (file: string, overwrite = false) => dumpCatalog(toolsOf(catalog), { file, overwrite });
const NOTHING = { volume: null, host: HOST, state: 'all', verdicts: [], path: null, cwd: '/' } as const;

/** Everything that people ask of a catalog. */
async function told({ db }: Catalog, paths: readonly string[]) {
  return {
    findings: await findingsOf(db, NOTHING),
    histories: await Promise.all(paths.map((path) => history(db.pool, path, { volume: null, host: HOST, cwd: '/' }))),
    assessments: (await statusOf(db.pool, { nowMs: 1, isShared: false })).assessments,
  };
}

/** Somebody is at work: a shard is held by a scan that runs, and a task is taken. */
async function atWork(): Promise<() => Promise<void>> {
  const holder = await catalog.db.pool.connect();
  const place = { role: 'live', layout: 'tree', host: 'h', path: '/run', key: 'tree:h:/run', name: '/run' } as const;
  const volume = await ensureVolume(catalog.db.pool, { ...place, nowMs: 1 });
  const begin = scanToBegin({ volumeId: volume.id, rootId: volume.rootId, seq: 5n, path: '/run', mode: 'read' });
  const scanId = await inTransaction(catalog.db, (client) => beginScan(client, begin));
  await holdLeases(holder, 4711);
  await claimShard(holder, { scanId: scanId!, host: 'h' }, 4711);
  await leaveTask(holder, { host: 'h', kind: 'scan', reference: { a: 'ü\t\\' }, parent: null, nowMs: 1 });
  await takeTask(holder, { holder: 4711, host: 'h', kinds: ['scan'], nowMs: 2 });
  return async () => holder.release(true);
}

test('a dump that is made while everybody works is the same catalog elsewhere, and what ran is put right', async () => {
  const [world, elsewhere] = [Volume.open(catalog, 3), Volume.open(catalog, 3)];
  world.furnish();
  for (const name of ['d/odd\nname', 'd/a\\.', 'd/t\tab', 'd/lost', 'd/gone']) world.write(name, `content of ${name}`);
  world.snapshot(1);
  world.lose('d/lost', 'd/odd\nname');
  await world.assess(3);
  // The volume that is scanned meanwhile is known before.
  elsewhere.write('d/first', '0', 3);
  await catalog.scan(elsewhere.live);
  const leave = await atWork();
  const isDumped = new AbortController();
  // Scans write while the rows are read.
  const busy = (async () => {
    for (let n = 0; !isDumped.signal.aborted; n++) {
      elsewhere.write(`d/${n}`, String(n), 3);
      await catalog.scan(elsewhere.live);
    }
  })();
  const before = await told(catalog, ['d/lost', 'd/a\\.']);
  const { file, bytes, tables } = await dumpTo('catalog.dump').finally(() => isDumped.abort());
  await busy;
  await leave();
  expect(statSync(file!)).toMatchObject({ size: bytes, mode: 0o100_600 });
  const all = await catalog.db.pool.query<{ name: string }>(
    `select tablename::text as name from pg_tables where schemaname = 'rollcall' and tablename not in ('migration', 'worker')`,
  );
  expect(Object.keys(tables).toSorted()).toEqual(all.rows.map(({ name }) => name).toSorted());

  const loaded = await loadCatalog(toolsOf(other), 'catalog.dump');
  expect(loaded.tables).toEqual(tables);
  expect(loaded).toMatchObject({ tasks: 1 });
  expect(loaded.scans).toBeGreaterThanOrEqual(1);
  expect(await told(other, ['d/lost', 'd/a\\.'])).toEqual(before);
  const held = await other.db.pool.query(
    `select (select count(*)::int from shard where state = 'leased') as shards, (select count(*)::int from task where state = 'taken') as taken,
            (select count(*)::int from scan where state = 'running') as running, (select count(*)::int from task where state = 'open') as open`,
  );
  expect(held.rows).toEqual([{ shards: 0, taken: 0, running: 0, open: 1 }]);

  // Work goes on there: the same is found once more, under numbers that nobody has had.
  const again = await other.scan(world.live);
  expect(again.files).toBe((await catalog.scan(world.live)).files);
  const moved = await assess(
    { ...other.tools(), cwd: directory, stateDir: null, program: 'rollcall', owners: new Map(), onPlan: () => {} },
    plainRequest(world.live, [world.pattern], null),
  );
  const here = await assess(
    { ...catalog.tools(), cwd: directory, stateDir: null, program: 'rollcall', owners: new Map(), onPlan: () => {} },
    plainRequest(world.live, [world.pattern], null),
  );
  const short = (name: string): string => name;
  expect(reportIn(moved, short).findings).toEqual(reportIn(here, short).findings);
  expect(moved.assessment.findings.map(({ path }) => path)).toContain('d/lost');
  expect(moved.assessment.verdicts).toEqual(here.assessment.verdicts);
  expect((await refusal(loadCatalog(toolsOf(other), 'catalog.dump'))).message).toContain('The catalog is not empty');
});

test('a dump that was cut off, changed, or is of another version is refused, and nothing is loaded', async () => {
  const empty = await Catalog.open();
  try {
    const whole = readFileSync((await dumpTo('whole.dump')).file!);
    const flipped = Buffer.from(whole);
    const at = whole.length >> 1;
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    const odd: readonly [string, Uint8Array, RegExp][] = [
      ['cut', whole.subarray(0, whole.length - 100), /not a whole dump/],
      ['half', whole.subarray(0, whole.length >> 1), /not a whole dump/],
      ['flipped', flipped, /not a whole dump|holds what no dump/],
      ['more', Buffer.concat([whole, Buffer.from('x')]), /not a whole dump/],
      ['nothing', Buffer.alloc(0), /not a whole dump/],
      ['other', Buffer.from('some text\n'), /not a dump of a catalog/],
      ['future', Buffer.from(whole.toString('latin1').replace('"format":1', '"format":9'), 'latin1'), /has format 9/],
    ];
    const steps = await empty.db.pool.query<{ name: string }>('select name from migration order by id desc limit 1');
    const newest = steps.rows[0]!.name;
    for (const [name, content, says] of odd) {
      writeFileSync(join(directory, name), content);
      const piped = (async function* () {
        yield content;
      })();
      for (const from of [name, piped]) {
        const refused = await refusal(loadCatalog(toolsOf(empty), from));
        expect({ name, message: refused.message, exit: refused.exit }).toEqual({
          name,
          message: expect.stringMatching(says),
          exit: EXIT.failure,
        });
      }
    }
    await empty.db.pool.query(`update migration set checksum = 'other' where name = $1`, [newest]);
    expect((await refusal(loadCatalog(toolsOf(empty), 'whole.dump'))).message).toContain('another version of Rollcall');
    const rows = await empty.db.pool.query(
      'select (select count(*)::int from volume) as volumes, (select count(*)::int from directory) as directories, (select count(*)::int from audit_log) as log',
    );
    expect(rows.rows).toEqual([{ volumes: 0, directories: 1, log: 0 }]);
  } finally {
    await empty.close();
  }
});

test('a dump is never written into a volume, nor over what is there', async () => {
  const world = Volume.open(catalog, 3);
  world.write('a', 'a');
  await catalog.scan(world.live);
  expect((await refusal(dumpTo(join(world.live, 'dump')))).message).toContain('inside the volume');
  await dumpTo('twice.dump');
  expect((await refusal(dumpTo('twice.dump'))).next).toContain('--overwrite');
  await dumpTo('twice.dump', true);
  expect(readdirSync(directory).filter((name) => name.startsWith('.rollcall-'))).toEqual([]);
});

test('it streams: what goes out on standard output comes in on standard input', async () => {
  const [pieces, empty] = [[] as Uint8Array[], await Catalog.open()];
  try {
    const dumped = await dumpCatalog(toolsOf(catalog), {
      write: async (piece) => void pieces.push(Buffer.from(piece)),
    });
    const odd = async function* () {
      for (const byte of Buffer.concat(pieces).subarray(0, 5_000)) yield Uint8Array.of(byte);
      yield Buffer.concat(pieces).subarray(5_000);
    };
    expect((await loadCatalog(toolsOf(empty), odd())).tables).toEqual(dumped.tables);
  } finally {
    await empty.close();
  }
});
