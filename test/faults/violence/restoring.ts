// A restore that is killed at a random moment: a bundle with every kind of list, and what an undisturbed restore.sh
// makes of its target. Each trial begins from the same target, loses restore.sh, an rsync below it or the whole group,
// and is run again.
import { spawn } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { random, type Random } from '../../../services/demo/random.ts';
import { compareBytes } from '../../../domain/path.ts';
import { type Ran, World } from '../../bundle/world.ts';
import { until } from '../../support/poll.ts';
import { inGroup, send } from './processes.ts';
import { run } from '../../support/machine.ts';
import { bytes, type Seen, survey, text } from '../../support/tree.ts';

const OPTIONS = ['--apply', '--damaged'];
const LARGE_BYTES = 6 * 1024 * 1024;
/** What rsync calls a file until it is whole. */
const TEMPORARY = /(^|\/)\.[^/]*\.[A-Za-z0-9]{6}$/;

const BLOWS = ['script', 'rsync', 'group'] as const;

interface Blow {
  readonly on: (typeof BLOWS)[number];
  /** It falls when so many names are at the target, and so long after. */
  readonly entries: number;
  readonly ms: number;
  /** Which of the processes, where several are meant. */
  readonly pick: number;
  /** The next run begins at once, while what the killed one has started may still be under way. */
  readonly atOnce: boolean;
}

interface Struck {
  /** It still ran when the blow fell. */
  readonly hit: boolean;
  readonly faults: readonly string[];
}

class Restoring {
  readonly world = new World();
  /** As an undisturbed run leaves the target, and what it says. */
  #expected: readonly string[] = [];
  #code: number | null = null;
  #counts = '';
  #entries = { before: 0, after: 0 };
  readonly #damaged = new Map<string, string>();

  static async open(): Promise<Restoring> {
    const restoring = new Restoring();
    await restoring.#build();
    return restoring;
  }

  close(): void {
    this.world.remove();
  }

  async #build(): Promise<void> {
    const { world } = this;
    const from = world.snapshot('s1');
    const missing: string[] = [];
    for (let d = 0; d < 12; d++) for (let f = 0; f < 10; f++) missing.push(`lost ${d}/f${f}`);
    for (const path of missing) world.write(from, path, path.repeat(1 + path.length * 40));
    for (const path of ['large/a', 'large/b', 'large/.c']) {
      world.write(from, path, Buffer.alloc(LARGE_BYTES, path));
      missing.push(path);
    }
    symlinkSync('nowhere', bytes(from, '/lost 3/link'));
    missing.push('lost 3/link');
    world.write(from, 'kept/one', 'one of two names');
    linkSync(bytes(from, '/kept/one'), bytes(from, '/lost 4/other'));
    for (const path of ['keep', 'kept/one'])
      world.write(world.live, path, path === 'keep' ? 'mine' : 'one of two names');
    utimesSync(join(world.live, 'kept/one'), 1_500_000_000, 1_500_000_000);
    utimesSync(bytes(from, '/kept/one'), 1_500_000_000, 1_500_000_000);
    for (let d = 0; d < 8; d++) {
      const path = `kept/damaged ${d}`;
      world.write(from, path, `good ${d} `.repeat(20_000));
      world.write(world.live, path, `baad ${d} `.repeat(20_000));
      this.#damaged.set(path, readFileSync(join(world.live, path), 'utf8'));
      world.wrong(path, { verdict: 'corrupt', from: 's1' });
    }
    world.write(from, 'kept/again', 'what it was');
    world.write(world.live, 'kept/again', 'of somebody who made it anew');
    world.wrong('kept/again', { verdict: 'recreated', from: 's1' });
    for (let d = 0; d < 12; d++) {
      utimesSync(bytes(from, `/lost ${d}`), 1_400_000_000 + d, 1_400_000_000 + d);
      world.wrong(`lost ${d}`, { verdict: 'missing', from: 's1' });
    }
    world.wrong('large', { verdict: 'missing', from: 's1' });
    for (const path of missing) world.wrong(path, { verdict: 'missing', from: 's1' });
    world.wrong('lost 4/other', { verdict: 'missing', from: 's1', linkTo: 'kept/one' });
    await world.writeBundle();
    // Somebody has written since, at a name of the lists.
    world.write(world.live, 'lost 7/f7', 'newer than everything in the backup');
    run('cp', '-a', world.live, this.#pristine);
    this.#entries = { before: this.#entriesNow(), after: 0 };
    const ran = world.restore(OPTIONS);
    if (ran.code !== 0) throw new Error(`undisturbed it ended with ${ran.code}: ${ran.output}`);
    this.#entries.after = this.#entriesNow();
    this.#expected = this.#seen();
    this.#code = ran.code;
    this.#counts = await this.#verified();
  }

  get #pristine(): string {
    return join(this.world.base, 'pristine');
  }

  #entriesNow(): number {
    return readdirSync(this.world.live, { recursive: true }).length;
  }

  #seen(): string[] {
    return text(new Map([...survey(this.world.live)].filter(([path]) => !TEMPORARY.test(path)).map(withoutPlaceTime)));
  }

  #litter(): string[] {
    return [...survey(this.world.live).keys()].filter((path) => TEMPORARY.test(path));
  }

  async #verified(): Promise<string> {
    const { counts, metadataDiffers, exit } = await this.world.verify();
    return JSON.stringify({ counts, metadataDiffers, exit });
  }

  blow(random: Random): Blow {
    const { before, after } = this.#entries;
    return {
      on: random.pick(BLOWS),
      entries: before + random.below(after - before),
      ms: random.below(30),
      pick: random.unit(),
      atOnce: random.unit() < 0.5,
    };
  }

  /** Everything as it was before the first run. */
  #reset(): void {
    const { world } = this;
    for (const name of readdirSync(world.live)) rmSync(join(world.live, name), { recursive: true });
    run('cp', '-a', `${this.#pristine}/.`, world.live);
    for (const name of ['journal', 'evidence']) rmSync(join(world.bundle, name), { recursive: true, force: true });
  }

  /** @returns whether it still ran when the blow fell */
  async #strike(blow: Blow): Promise<boolean> {
    const { world } = this;
    const child = spawn('sh', [join(world.bundle, 'restore.sh'), ...OPTIONS, world.live], {
      detached: true,
      stdio: 'ignore',
      env: { ...process.env, TMPDIR: world.base },
    });
    const group = child.pid ?? 0;
    const over = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
    const rsyncs = (): number[] =>
      inGroup(group)
        .filter(({ command }) => command.startsWith('rsync '))
        .map(({ pid }) => pid);
    await until('it has come so far', () => isOver() || this.#entriesNow() >= blow.entries);
    await new Promise((resolve) => setTimeout(resolve, blow.ms));
    if (blow.on === 'rsync') await until('an rsync runs', () => isOver() || rsyncs().length > 0);
    let hit = !isOver();
    if (hit && blow.on === 'script') hit = send(group, 'SIGKILL');
    else if (hit && blow.on === 'group') hit = send(-group, 'SIGKILL');
    else if (hit) {
      const found = rsyncs();
      const pid = found[Math.floor(blow.pick * found.length)];
      hit = pid !== undefined && send(pid, 'SIGKILL');
    }
    if (blow.on === 'rsync') await over;
    if (!blow.atOnce) await until('nothing of it runs', () => inGroup(group).length === 0);
    return hit;
  }

  async trial(blow: Blow): Promise<Struck> {
    const { world } = this;
    const faults: string[] = [];
    this.#reset();
    const hit = await this.#strike(blow);
    if (!blow.atOnce) faults.push(...(await this.#inBetween()));
    // Somebody makes a name that has not come back yet.
    const theirs = [3, 5, 9].map((n) => `lost ${n}/f${n}`).find((path) => !blow.atOnce && this.#isFree(path));
    if (theirs !== undefined) writeFileSync(join(world.live, theirs), 'theirs');
    const ran = world.restore(OPTIONS);
    if (ran.code !== this.#code) faults.push(`the next run ended with ${ran.code}: ${ran.output}`);
    faults.push(...unnamed(this.#litter(), ran));
    // A directory that somebody has touched since keeps the time of that.
    const of = theirs === undefined ? [] : [`${theirs} `, `${dirname(theirs)} directory `];
    const is = (line: string): boolean => !of.some((start) => line.startsWith(start));
    faults.push(...differences(this.#expected.filter(is), this.#seen().filter(is)));
    if (theirs === undefined) {
      const counts = await this.#verified();
      if (counts !== this.#counts) faults.push(`verify: ${counts}, not ${this.#counts}`);
    } else if (readFileSync(join(world.live, theirs), 'utf8') !== 'theirs') faults.push(`${theirs} was overwritten`);
    for (const [path, content] of this.#damaged)
      if (!this.#isInEvidence(path, content)) faults.push(`the damaged content of ${path} is not in evidence/`);
    return { hit, faults };
  }

  #isFree(path: string): boolean {
    const at = join(this.world.live, path);
    return existsSync(join(at, '..')) && !existsSync(at);
  }

  #isInEvidence(path: string, content: string): boolean {
    const top = join(this.world.bundle, 'evidence');
    return readdirSync(top).some((target) =>
      readdirSync(join(top, target)).some((each) => {
        const at = join(top, target, each, path);
        return existsSync(at) && readFileSync(at, 'utf8') === content;
      }),
    );
  }

  /** What verify says of each entry, held against the bytes that lie there. */
  async #inBetween(): Promise<string[]> {
    const { world } = this;
    const { items, exit } = await world.verify();
    const faults: string[] = [];
    let absent = 0;
    for (const { path, destination, status, kind } of items) {
      if (kind === 'directory') continue;
      const now = contentOf(join(world.live, destination));
      const wanted = contentOf(join(world.base, 'backup/s1', path));
      if (now === null) absent++;
      const isBack = now !== null && wanted !== null && now.equals(wanted);
      if (isBack !== (status === 'restored' || status === 'beside'))
        faults.push(`verify calls ${destination} ${status}`);
      if ((now === null) !== (status === 'missing')) faults.push(`verify calls ${destination} ${status}`);
    }
    if (absent > 0 && exit === 0) faults.push('verify says that all is back');
    return faults;
  }
}

/**
 * Kills a restore at so many moments, each with a seed of its own.
 * @returns what was wrong, and how many blows fell while it ran
 */
export async function killRestores(seed: number, moments: number): Promise<{ faults: string[]; hits: number }> {
  const restoring = await Restoring.open();
  try {
    const faults: string[] = [];
    let hits = 0;
    for (let n = 0; n < moments; n++) {
      const blow = restoring.blow(random(seed + n));
      const struck = await restoring.trial(blow);
      if (struck.hit) hits++;
      faults.push(...struck.faults.map((fault) => `ROLLCALL_TEST_SEED=${seed + n} ${JSON.stringify(blow)}: ${fault}`));
    }
    return { faults, hits };
  } finally {
    restoring.close();
  }
}

/** The kernel moves the time of a directory that was there before, when a name is made in it. */
function withoutPlaceTime([path, seen]: [string, Seen]): [string, Seen] {
  return [path, seen.kind === 'directory' && ['kept', 'lost 7'].includes(path) ? { ...seen, mtime: '' } : seen];
}

function contentOf(path: string): Buffer | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  return stat.isSymbolicLink() ? readlinkSync(path, { encoding: 'buffer' }) : readFileSync(path);
}

function unnamed(litter: readonly string[], ran: Ran): string[] {
  return litter.filter((path) => !ran.output.includes(`/${path}`)).map((path) => `${path} was left and is not named`);
}

function differences(expected: readonly string[], found: readonly string[]): string[] {
  const [wanted, has] = [new Set(expected), new Set(found)];
  return [
    ...expected.filter((line) => !has.has(line)).map((line) => `lacks ${line}`),
    ...found.filter((line) => !wanted.has(line)).map((line) => `has ${line}`),
  ]
    .sort(compareBytes)
    .slice(0, 6);
}
