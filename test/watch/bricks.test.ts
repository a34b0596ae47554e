// A GlusterFS volume that is watched by its bricks: from rollcall.yaml over a real serve to the incident that says what
// to do first, and what is said before a rebalance.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Configuration } from '../../domain/watch/configuration.ts';
import { apply } from '../../services/apply.ts';
import { type KeptRun, newestRuns } from '../../services/catalog/schedule-runs.ts';
import { exposure } from '../../services/exposure.ts';
import { holds } from '../../services/holds.ts';
import { incidents, type KeptIncident } from '../../services/incidents.ts';
import { preflight } from '../../services/preflight.ts';
import { exposureLines, preflightLines } from '../../services/report/coverage.ts';
import { incidentBody } from '../../services/report/watch/incident.ts';
import { incidentLine } from '../../services/report/watch/listed.ts';
import { pictureOf } from '../../services/watch/picture.ts';
import { parseConfiguration } from '../../services/watch/config/configuration-file.ts';
import { BrickVolume, bricksAsTheyAre, hiddenOn, setsTrusted } from '../support/brick-volume.ts';
import { databaseForFile } from '../support/postgres.ts';
import { startServeProcess, stopWorkers, type WorkerProcess } from '../support/processes.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { DAY_MS } from '../../domain/lengths.ts';

vi.setConfig({ testTimeout: 120_000 });

const { database, db } = await databaseForFile();
const THEN = Math.floor((Date.now() - 40 * DAY_MS) / 1000);
const AT = { mtimeNs: BigInt(THEN) * 1_000_000_000n };
const FILES = { 'd/a': 'A', 'd/hard.txt': 'of hard links', 'd/f1.dat': 'one', 'd/report.odt': 'a report' };
const HERE = { host: 'here', timeZone: 'UTC' };
const serves: WorkerProcess[] = [];
afterEach(async () => stopWorkers(serves.splice(0)));

class Bricks {
  readonly base = temporaryDirectory('rollcall-watched-');
  readonly made = new BrickVolume(this.base, 3);
  readonly bundles = join(this.base, 'bundles');
  readonly clockFile = join(this.base, 'clock');
  #aheadMs = 0;

  constructor() {
    this.made.directory('d', AT.mtimeNs);
    for (const [path, content] of Object.entries(FILES)) this.made.file(path, content, AT);
    this.made.settle();
    this.forward(0);
  }

  /** As people see the volume. */
  snapshot(name: string): void {
    const root = join(this.base, 'backup', name);
    mkdirSync(join(root, 'd'), { recursive: true });
    for (const [path, content] of Object.entries(FILES)) {
      writeFileSync(join(root, path), content);
      utimesSync(join(root, path), THEN, THEN);
    }
    utimesSync(join(root, 'd'), THEN, THEN);
  }

  /** A crash after the data was copied, and before the file was a file: the source is gone. */
  hide(path: string): void {
    const brick = this.made.brickOf(path);
    const file = join(this.made.roots[brick] ?? '', path);
    const other = Buffer.from(`gv-client-${(brick + 1) % 3}\0`).toString('hex');
    execFileSync('setfattr', ['-n', 'trusted.glusterfs.dht.linkto', '-v', `0x${other}`, file]);
    chmodSync(file, 0o1000);
  }

  unhide(path: string): void {
    const file = join(this.made.roots[this.made.brickOf(path)] ?? '', path);
    execFileSync('setfattr', ['-x', 'trusted.glusterfs.dht.linkto', file]);
    chmodSync(file, 0o644);
  }

  get yaml(): string {
    return [
      `bundles: ${this.bundles}`,
      'volumes:',
      `  school: { bricks: [${this.made.roots.join(', ')}], backups: [nightly], quick: 24h, scrub: 30d }`,
      'backups:',
      `  nightly: { pattern: '${this.base}/backup/*' }`,
    ].join('\n');
  }

  forward(ms: number): void {
    this.#aheadMs += ms;
    writeFileSync(`${this.clockFile}.new`, String(this.#aheadMs));
    renameSync(`${this.clockFile}.new`, this.clockFile);
  }

  get nowMs(): number {
    return Date.now() + this.#aheadMs;
  }
}

async function applied(world: Bricks): Promise<Configuration> {
  const parsed = parseConfiguration(Buffer.from(world.yaml), HERE);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const { configuration } = parsed;
  await apply(db, { configuration, check: false, here: HERE, actor: 'test', nowMs: world.nowMs });
  return configuration;
}

/** Audits that have ended: what they ended with, oldest first. */
async function audits(count: number): Promise<(number | null)[]> {
  const own = async (): Promise<KeptRun[]> =>
    (await newestRuns(db.pool, { subject: 'school', max: 100 })).filter(({ kind }) => kind === 'quick').reverse();
  await until(
    `${count} audits have ended`,
    async () => (await own()).filter(({ state }) => state === 'done').length >= count,
    60_000,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${serves.map((serve) => serve.said()).join('')}`);
  });
  return (await own()).map(({ exit }) => exit);
}

/** The one of hidden files, when it is as it is to be. */
async function hiddenIncident(nowMs: number, isThere: (found: KeptIncident) => boolean): Promise<KeptIncident> {
  const find = async (): Promise<KeptIncident | undefined> =>
    (await incidents(db.pool, nowMs)).find((one) => one.kind === 'hidden' && isThere(one));
  await until('the incidents are reviewed', async () => (await find()) !== undefined, 30_000);
  const found = await find();
  if (found === undefined) throw new Error('there is one');
  return found;
}

describe.skipIf(!setsTrusted)('a volume of bricks that is watched (root and attr needed)', () => {
  test('is ready for a rebalance; a hidden file opens an incident that says rescue first, and ends with two audits', async () => {
    const world = new Bricks();
    const asked = { volume: 'school', backups: [], host: 'here', cwd: '/' };
    const asks = async () => {
      const { coverage, exit } = await exposure(db, { ...asked, readSinceMs: null });
      return { exit, lines: exposureLines(coverage, { nowMs: world.nowMs, program: 'rollcall' }).join('\n') };
    };
    const prepares = async () => {
      const times = { withinDays: 14, nowMs: world.nowMs };
      const { coverage, steps, exit } = await preflight(db, { ...asked, ...times, program: 'rollcall' });
      const lines = preflightLines(coverage, steps, times).join('\n');
      return { exit, covered: coverage.covered.files, lines, commands: steps.map(({ command }) => command) };
    };
    world.snapshot(new Date(world.nowMs - DAY_MS).toISOString().slice(0, 10));
    const configuration = await applied(world);
    serves.push(startServeProcess({ address: database.address, clockFile: world.clockFile }));
    expect(await audits(1)).toEqual([0]);
    expect((await pictureOf(db.pool, configuration, world.nowMs)).volumes).toMatchObject([
      { name: 'school', state: 'ok', files: 4 },
      { name: 'nightly', state: 'ok' },
    ]);
    expect(await prepares()).toMatchObject({ exit: 0, covered: 4, commands: [] });
    expect(await asks()).toMatchObject({ exit: 0 });
    expect(readdirSync(world.bundles)).toEqual([]);

    world.hide('d/report.odt');
    const before = bricksAsTheyAre(world.made.roots);
    world.forward(DAY_MS);
    expect((await audits(2)).at(1)).toBe(1);
    const incident = await hiddenIncident(world.nowMs, ({ closedMs }) => closedMs === null);
    expect(incidentLine(incident, world.nowMs)).toContain('school: 1 file hidden or misplaced on bricks');
    const { detail } = incident;
    const bundle = detail.bundle ?? '';
    expect(detail.next).toBe(`sh ${bundle}/rescue/rescue.sh STAGING`);
    expect(statSync(join(bundle, 'rescue/rescue.sh')).isFile()).toBe(true);
    expect(detail.examples).toEqual(['d/report.odt']);
    const body = incidentBody({ incident, nowMs: world.nowMs }, 'opened', []);
    const text = body.lines.join('\n');
    expect(body.severity).toBe('critical');
    expect(text).toContain('can delete the last copy');
    const order = ['never restore first', 'gluster volume rebalance VOLUME stop', '/rescue/rescue.sh --apply STAGING']
      .concat('gluster volume rebalance VOLUME start force', 'restore what is lost')
      .map((part) => text.indexOf(part));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(order).not.toContain(-1);
    // Its backup is what the rescue is proven by.
    expect(await holds(db.pool)).toEqual([{ host: 'here', path: detail.holds[0]?.path }]);

    // Before a rebalance, which would destroy it.
    const risky = await prepares();
    expect([risky.exit, risky.commands.slice(0, 2)]).toEqual([
      1,
      [
        `rollcall assess --live ${world.made.live} --backup '${world.base}/backup/*'`,
        'sh BUNDLE/rescue/rescue.sh STAGING',
      ],
    ]);
    expect(risky.lines).toContain('school: NOT SAFE: 1 name is not as users should see it');
    expect(risky.lines).toContain('HIDDEN on a brick, and the only copy may be this one: d/report.odt');
    const exposed = await asks();
    expect(exposed.exit).toBe(1);
    expect(exposed.lines).toMatch(/^school: NOT SAFE: .*\nschool: no other file is known to be without a copy\./);
    expect(exposed.lines).toMatch(/Next: rollcall preflight school \(begins with the rescue\)$/);
    expect(hiddenOn(world.made.roots)).toHaveLength(1);
    expect(bricksAsTheyAre(world.made.roots)).toBe(before);

    // Rescued, and back through the mount: two complete audits say so.
    world.unhide('d/report.odt');
    world.forward(DAY_MS);
    await audits(3);
    world.forward(DAY_MS);
    await audits(4);
    const over = await hiddenIncident(world.nowMs, ({ closedMs }) => closedMs !== null);
    expect(over).toMatchObject({ peak: 1, detail: { closed: 'clean' } });
    expect(await prepares()).toMatchObject({ exit: 0, covered: 4 });
  });
});
