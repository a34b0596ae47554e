// Snapshots of hard links: what is linked is held against no row. A catalog that scans so must come to know what one
// that asks for every row knows, whatever a night does to the files and to the snapshot before it.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NEVER_UNCHANGED } from '../../services/catalog/shard-result.ts';
import { type Dump, dumpOf } from '../faults/violence/dump.ts';
import { Catalog } from '../support/catalog.ts';
import { cases, fc, SEED } from '../support/random.ts';
import { age, remove, settled, touch, truthOf, write } from '../support/tree.ts';

const catalog = await Catalog.forFile(2);
/** It is made to ask for every row. */
const asking = await Catalog.forFile(2);

const night = (series: string, n: number): string => join(series, `2026-10-${String(n).padStart(2, '0')}`);

function nextNight(series: string, n: number): string {
  execFileSync('cp', ['-al', night(series, n - 1), night(series, n)]);
  return night(series, n);
}

/** Of another inode, as rsync writes it. */
function replace(path: string, text: string, seconds: number): void {
  remove(path);
  writeFileSync(path, text);
  touch(path, seconds);
}

/** Content digests of the newest listing of each directory. */
async function contents(of: Catalog, pattern: string): Promise<ReadonlyMap<string, bigint>> {
  const rows = await of.rows(
    `select distinct on (l.directory) d.path, l.content_digest from listing l join directory d on d.id = l.directory
       join root r on r.id = l.root join volume v on v.id = r.volume where v.name = $1 order by l.directory, l.seq desc`,
    pattern,
  );
  return new Map(rows.map((row) => [String(row['path']), row['content_digest'] as bigint]));
}

/** What is added to each listing shows in the next one exactly where that was made from it. */
const MARK = 5n;

async function twoNights(): Promise<{ series: string; pattern: string }> {
  const series = catalog.directory();
  const pattern = join(series, '*');
  for (const directory of ['a', 'b', 'c'])
    for (let f = 0; f < 6; f++) write(night(series, 1), { [`${directory}/f${f}`]: `${directory}${f}` });
  age(night(series, 1));
  nextNight(series, 2);
  await settled(series);
  await catalog.scanSnapshots(pattern);
  return { series, pattern };
}

/** Scans the third night, and says which directories were held against their listing. */
async function linkedOf(pattern: string): Promise<readonly string[]> {
  const ofVolume = `from root r join volume v on v.id = r.volume where r.id = l.root and v.name = '${pattern}'`;
  await catalog.rows(`update listing l set content_digest = content_digest + ${MARK} ${ofVolume}`);
  await catalog.scanSnapshots(pattern);
  const marked = await contents(catalog, pattern);
  await asking.scanSnapshots(pattern);
  const right = await contents(asking, pattern);
  return [...right].flatMap(([path, digest]) => (path !== '' && marked.get(path) === digest + MARK ? [path] : []));
}

test.concurrent('only rows of names that are no link of the night before are asked for', async () => {
  const { series, pattern } = await twoNights();
  const third = nextNight(series, 3);
  replace(join(third, 'a/f1'), 'new', 1_700_000_500);
  remove(join(third, 'a/f2'));
  write(third, { 'a/more': 'more' });
  await settled(series);
  expect(await linkedOf(pattern)).toEqual(['a', 'b', 'c']);
  expect(await catalog.told(pattern)).toEqual(truthOf(third));
});

test.concurrent('a directory is asked for whole where its listing does not add up, and where it had gaps', async () => {
  const { series, pattern } = await twoNights();
  const third = nextNight(series, 3);
  // A new mode is the inode's, which the night before has, too.
  chmodSync(join(third, 'a/f0'), 0o600);
  const of = (path: string): string =>
    `from directory d, root r, volume v where d.id = l.directory and d.path = '${path}' and r.id = l.root and v.id = r.volume and v.name = '${pattern}'`;
  await catalog.rows(`update listing l set count = count + 1 ${of('b')}`);
  await catalog.rows(`update listing l set stat_digest = ${NEVER_UNCHANGED} ${of('c')}`);
  await settled(series);
  expect(await linkedOf(pattern)).toEqual([]);
  expect(await catalog.told(pattern)).toEqual(truthOf(third));
});

const NIGHTS = 4;
const DIRECTORIES = 60;

class Nights {
  readonly series: string;
  readonly #draws: readonly number[];
  #drawn = 0;
  #n = 1;

  constructor(series: string, seed: number) {
    this.series = series;
    this.#draws = fc.sample(fc.nat(), { numRuns: 5_000, seed });
    for (let d = 0; d < DIRECTORIES; d++)
      for (let f = 0; f < 8; f++) write(night(series, 1), { [`d${d}/f${f}`]: `${d}.${f}` });
    age(night(series, 1));
  }

  #below(max: number): number {
    return (this.#draws[this.#drawn++ % this.#draws.length] ?? 0) % max;
  }

  /** @param isLast after harm the snapshot is scanned once more, and then the next one is asked for whole */
  next(isLast: boolean): void {
    const harm = isLast ? this.#below(3) : 0;
    if (harm === 1) this.#harm(night(this.series, this.#n), true);
    const made = nextNight(this.series, ++this.#n);
    for (let d = 0; d < DIRECTORIES; d++)
      for (let times = this.#below(3); times > 0; times--) this.#happen(made, join(made, `d${d}`));
    if (harm === 2) this.#harm(night(this.series, this.#n - 1), false);
  }

  /** Somebody is at work in a snapshot that was scanned, before the next one is made or after it. */
  #harm(snapshot: string, isBefore: boolean): void {
    const file = this.#file(join(snapshot, `d${this.#below(DIRECTORIES)}`));
    if (file === null) return;
    if (this.#below(2) === 0) remove(file);
    else replace(file, isBefore ? 'harm' : readFileSync(file, 'utf8'), 1_700_000_000);
  }

  #file(directory: string): string | null {
    const names = readdirSync(directory).filter((name) => lstatSync(join(directory, name)).isFile());
    const name = names[this.#below(Math.max(1, names.length))];
    return name === undefined ? null : join(directory, name);
  }

  #happen(root: string, directory: string): void {
    const file = this.#file(directory);
    const other = this.#file(directory);
    const seconds = 1_700_000_000 + this.#n;
    const fresh = join(directory, `n${this.#n}-${this.#drawn}`);
    if (file === null || other === null) return writeFileSync(fresh, 'first');
    const text = readFileSync(file, 'utf8');
    const { mtimeMs } = lstatSync(file);
    const events: readonly (() => void)[] = [
      () => replace(file, `${text}+`, seconds),
      () => replace(file, text.replace(/./, 'X'), mtimeMs / 1000),
      () => replace(file, text, mtimeMs / 1000),
      () => write(directory, { [`n${this.#n}-${this.#drawn}`]: 'fresh' }),
      () => remove(file),
      () => renameSync(file, fresh),
      () => renameSync(file, join(root, `d${this.#below(DIRECTORIES)}`, `moved-${this.#n}-${this.#drawn}`)),
      () => chmodSync(file, 0o600 + this.#below(8)),
      () => linkSync(file, fresh),
      () => symlinkSync(`to ${this.#n}`, fresh),
      () => {
        renameSync(file, fresh);
        if (other !== file) renameSync(other, file);
      },
      () => {
        mkdirSync(fresh);
        linkSync(file, join(fresh, 'inner'));
      },
      () => {
        remove(file);
        mkdirSync(file);
      },
      // Not: other bytes in place, under the old time. An inode that stands in both is one copy, so nobody looks;
      // whoever asks for rows reads it by chance, where a row tells of an older copy of the same content.
      () => {
        execFileSync('cp', ['-a', directory, `${directory}.copy`]);
        remove(directory);
        renameSync(`${directory}.copy`, directory);
      },
    ];
    events[this.#below(events.length)]?.();
  }
}

test.concurrent('what is known after some nights is what it would be if every row was asked for', async () => {
  for (let world = 0; world < cases(2); world++) {
    const [usual, whole] = [await Catalog.open(2), await Catalog.open(2)];
    try {
      await sameAsWhole(new Nights(usual.directory(), SEED + world), usual, whole);
    } finally {
      await usual.close();
      await whole.close();
    }
  }
});

/**
 * All but which scan has read a file of several names: two catalogs that both ask for every row differ in that, too,
 * because a name that is looked at after another one of its inode was read counts as read.
 */
async function known(of: Catalog): Promise<Dump> {
  const dump = await dumpOf(of.db.pool, 1);
  const versions = dump['versions']?.map((line) => line.replace(/ read \d+(?= \d+ \d+ \d+ (?!1(?: |$)))/, ''));
  return { ...dump, versions: versions ?? [] };
}

async function sameAsWhole(nights: Nights, usual: Catalog, whole: Catalog): Promise<void> {
  const pattern = join(nights.series, '*');
  for (let n = 1; n <= NIGHTS; n++) {
    if (n > 1) nights.next(n === NIGHTS);
    await settled(nights.series);
    await usual.scanSnapshots(pattern);
    await whole.rows('update listing set link_digest = null');
    await whole.scanSnapshots(pattern);
    expect(await known(usual), `night ${n}`).toEqual(await known(whole));
  }
}
