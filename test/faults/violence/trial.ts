// One trial: a command, a moment, a blow, and the same command once more to its end. Moment and blow come from a seed.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Queryable } from '../../../services/catalog/scans.ts';
import type { Random } from '../../../services/demo/random.ts';
import { until } from '../../support/poll.ts';
import { postmasterPid } from '../../../services/embedded/postmaster.ts';
import { socketExists } from '../../../services/embedded/server.ts';
import { differences, dumpOf, filesRead } from './dump.ts';
import { Probe } from './probe.ts';
import { childrenOf, processesIn, send, type Running } from './processes.ts';
import {
  bundlesIn,
  LIVE_SCANS,
  type Command,
  type Place,
  type Ran,
  type Stage,
  type Undisturbed,
  type What,
} from './stage.ts';

/** When the blow falls. What a lock holds up, it holds up in the middle of a transaction. */
export type Moment =
  | { readonly at: 'start'; readonly ms: number }
  | { readonly at: 'shards'; readonly scans: number; readonly done: number; readonly ms: number }
  | { readonly at: 'lock'; readonly scans: number; readonly done: number; readonly table: string }
  /** While the state directory is made: once it holds a name that begins so, or while the tables are made. */
  | { readonly at: 'setup'; readonly step: (typeof STEPS)[number] }
  /** While a bundle is written, once it holds so many files. */
  | { readonly at: 'bundle'; readonly files: number };

const STEPS = ['VERSION', 'setup.lock', 'postgres-', 'data.new-', 'data', 'run', 'migration'] as const;

export const BLOWS = [
  'kill child',
  'kill parent',
  'kill both',
  'interrupt',
  'interrupt both',
  'interrupt twice',
  'terminate',
  'hang up',
  'kill postmaster',
  'kill backend',
  'cut thread',
  'cut all',
  'stop database',
  'close pipes',
] as const;
/** What whoever works beside the one that is struck does not survive either. */
const STRIKES_ALL: readonly Blow[] = ['kill postmaster', 'kill backend', 'cut all', 'stop database', 'cut thread'];

export type Blow = (typeof BLOWS)[number];

export interface Plan {
  readonly what: What;
  readonly moment: Moment;
  readonly blow: Blow;
  /** Another of the same command runs at the same time. */
  readonly beside?: boolean;
}

/** Held by a lock: a shard's write, the close of a scan, and what comes after the scans of an assessment. */
const TABLES: Readonly<Record<What, readonly string[]>> = {
  first: ['packed_version', 'directory', 'listing', 'shard', 'scan'],
  scan: ['ending', 'shard', 'scan', 'donor'],
  assess: ['packed_version', 'listing', 'ending', 'directory', 'shard', 'scan', 'donor', 'finding', 'assessment'],
};

export function planOf(random: Random, stage: Stage): Plan {
  const what = random.pick<What>(['scan', 'scan', 'scan', 'scan', 'scan', 'assess', 'assess', 'assess', 'first']);
  const blow = random.pick(BLOWS);
  const { shards } = stage.undisturbed(what);
  const scans = random.below(shards.length);
  const done = random.below((shards[scans] ?? 0) + 1);
  const kind = random.pick(['start', 'shards', 'shards', 'shards', 'lock', 'lock', 'bundle']);
  const beside = what !== 'first' && random.below(6) === 0;
  const moment: Moment =
    what === 'first' && kind !== 'lock'
      ? { at: 'setup', step: random.pick(STEPS) }
      : kind === 'start'
        ? { at: 'start', ms: random.below(600) }
        : kind === 'bundle' && what === 'assess'
          ? { at: 'bundle', files: random.below(12) }
          : kind === 'lock'
            ? { at: 'lock', scans, done, table: random.pick(TABLES[what]) }
            : { at: 'shards', scans, done, ms: random.below(15) };
  return { what, moment, blow, ...(beside ? { beside } : {}) };
}

export interface Outcome {
  /** The blow fell while the command ran. */
  readonly hit: boolean;
  /** … and while one of its scans did. */
  readonly hitScan: boolean;
  readonly first: Ran;
  /** Null where the first command survived the blow. */
  readonly second: Ran | null;
  /** What is not as it should be. */
  readonly faults: readonly string[];
}

export const WAIT_MS = 240_000;

/** Trials at once: as many as there are cores to wait on. */
const LANES = 2;

/** @returns faults with the name of their trial and what was done in it */
export async function runTrials(
  stage: Stage,
  trials: readonly { readonly name: string; readonly plan: Plan }[],
): Promise<{ outcomes: Outcome[]; faults: string[] }> {
  const left = [...trials];
  const outcomes: Outcome[] = [];
  const faults: string[] = [];
  const lane = async (): Promise<void> => {
    for (let trial = left.shift(); trial !== undefined; trial = left.shift()) {
      const { name, plan } = trial;
      try {
        const outcome = await runTrial(stage, plan);
        outcomes.push(outcome);
        faults.push(...outcome.faults.map((fault) => `${name} ${JSON.stringify(plan)}: ${fault}`));
        if (process.env['ROLLCALL_TEST_TELL'] !== undefined) {
          const { hit, hitScan, first, second } = outcome;
          console.log(
            name,
            JSON.stringify(plan),
            { hit, hitScan, first: first.code, second: second?.code },
            outcome.faults,
          );
        }
      } catch (error) {
        faults.push(`${name} ${JSON.stringify(plan)}: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return { outcomes, faults };
}

async function runTrial(stage: Stage, { what, moment, blow, beside = false }: Plan): Promise<Outcome> {
  const { directory, state, cwd } = stage.trial(what);
  const probe = new Probe(state);
  const faults: string[] = [];
  const { code: expected } = stage.undisturbed(what);
  const isWell = ({ code }: Ran): boolean => code === expected;
  try {
    if (moment.at === 'shards' || moment.at === 'lock') probe.holdAt(moment.scans, moment.done);
    const command = stage.start(state, cwd, stage.arguments(what));
    const other = beside ? stage.start(state, cwd, stage.arguments(what)) : null;
    const alive = await reach(probe, command, moment, cwd);
    const hitScan = alive && (await isScanning(probe));
    const hit = alive && !command.isOver() && (await strike(probe, command, blow));
    await probe.unlock();
    const first = await within(command.done, `the command that met "${blow}" ends`);
    // Who could still tidy up has done so: the next command must not be needed for it.
    if (first.code !== null && other === null)
      await nothingRuns(state).catch((error: unknown) => faults.push(String(error)));
    let second = other === null ? null : await within(other.done, 'the command beside it ends');
    if (second !== null && !isWell(second) && !STRIKES_ALL.includes(blow))
      faults.push(`the command beside it ended with ${second.code}, not ${expected}: ${second.err}`);
    for (const { code, err } of second === null ? [first] : [first, second]) {
      if (/^ {4}at /m.test(err)) faults.push(`a stack trace: ${err}`);
      if (code === null || code === expected) continue;
      if (![130, 2].includes(code)) faults.push(`it ended with ${code}: ${err}`);
      if (!err.includes('next: ')) faults.push(`it ended with ${code} and does not say what to do: ${err}`);
    }
    // What a killed one left of its bundle is the next one's to remove, and the one beside it had begun before.
    // So is what a server left that was killed when the command had no more use for it.
    const leftByServer = hit && blow === 'kill postmaster';
    if (leftByServer || (!isWell(first) && (second === null || !isWell(second) || partialFiles(cwd) > 0))) {
      second = await within(stage.start(state, cwd, stage.arguments(what)).done, 'the second command ends');
      if (!isWell(second)) faults.push(`the second command ended with ${second.code}, not ${expected}: ${second.err}`);
    }
    faults.push(...(await afterwards(stage, what, { directory, state, cwd })));
    return { hit, hitScan, first, second, faults };
  } finally {
    await probe.close();
  }
}

/**
 * Once all is done: what still runs, what lies about, and how the catalog and the bundle differ from the undisturbed
 * ones.
 */
export async function afterwards(stage: Stage, what: What, { directory, state, cwd }: Place): Promise<string[]> {
  const faults: string[] = [];
  await nothingRuns(state).catch((error: unknown) => faults.push(String(error)));
  faults.push(...leftBehind(state, cwd));
  const undisturbed = stage.undisturbed(what);
  faults.push(...(await stage.ask(state, (client) => catalogFaults(client, what, undisturbed))));
  if (what === 'assess') faults.push(...bundleFaults(cwd, undisturbed.bundle));
  if (faults.length === 0) rmSync(directory, { recursive: true });
  return faults;
}

/** Waits until every process that has to do with a state directory has ended. */
export async function nothingRuns(state: string): Promise<void> {
  await until('nothing of it runs any more', () => processesIn(state).length === 0, WAIT_MS).catch((cause: unknown) => {
    throw new Error(
      `still there: ${processesIn(state)
        .map((each) => each.command)
        .join(' | ')}`,
      { cause },
    );
  });
}

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain: ${what}`)), WAIT_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const PROGRESS = `select (select count(*)::int from scan where state = 'complete') as complete,
  (select id from scan where state = 'running' limit 1) as running, (select count(*)::int from shard where state = 'done') as done`;

/** @returns whether the command still runs when the moment has come */
export async function reach(
  probe: Probe,
  command: Pick<Command, 'isOver' | 'pid'>,
  moment: Moment,
  cwd: string,
): Promise<boolean> {
  const come = async (what: string, holds: () => boolean | Promise<boolean>): Promise<boolean> => {
    await until(what, async () => command.isOver() || (await holds()), WAIT_MS);
    return !command.isOver();
  };
  const shards = (scans: number, done: number) => () =>
    probe.rows(PROGRESS).then(([row]) => {
      // The state directory knows one scan already. A scan that is over takes its shards with it.
      const complete = Number(row?.['complete'] ?? 0) - 1;
      return complete > scans || (complete === scans && row?.['running'] !== null && Number(row?.['done']) >= done);
    });
  const held = (scans: number, done: number) => async () => (await probe.isHeld()) || shards(scans, done)();
  switch (moment.at) {
    case 'start':
      await new Promise((resolve) => setTimeout(resolve, moment.ms));
      return !command.isOver();
    case 'shards':
      if (!(await come('shards are done', held(moment.scans, moment.done)))) return false;
      if (moment.ms > 0) await probe.letGo();
      await new Promise((resolve) => setTimeout(resolve, moment.ms));
      return !command.isOver();
    case 'lock':
      if (!(await come('shards are done', held(moment.scans, moment.done)))) return false;
      await probe.lock(moment.table);
      return come('somebody waits for the lock', () => probe.isWaitedFor());
    case 'setup':
      if (moment.step === 'migration') {
        await come('it asks to make the tables', async () => (await probe.holdMigration()) && probe.isWaitedFor());
        return !command.isOver();
      }
      return come(
        'the state directory is made',
        () => existsSync(probe.state) && readdirSync(probe.state).some((name) => name.startsWith(moment.step)),
      );
    case 'bundle': {
      if (!(await come('it scans', () => isScanning(probe)))) return false;
      await probe.lock('assessment');
      if (!(await come('it has judged', () => probe.isWaitedFor()))) return false;
      return stepwise(
        command,
        () => probe.unlock(),
        () => partialFiles(cwd) > moment.files,
      );
    }
  }
}

/** Files and directories of a bundle that is not whole yet, itself too. */
function partialFiles(cwd: string): number {
  const partial = readdirSync(cwd).find((name) => name.includes('.partial-'));
  return partial === undefined ? 0 : readdirSync(join(cwd, partial)).length + 1;
}

/** Lets the working process run for moments until something holds: for what is over before anyone has looked twice. */
async function stepwise(
  command: Pick<Command, 'isOver' | 'pid'>,
  begin: () => Promise<void>,
  holds: () => boolean,
): Promise<boolean> {
  const child = workerOf(command)[0]?.pid;
  if (child === undefined) return false;
  send(child, 'SIGSTOP');
  await begin();
  while (!command.isOver() && !holds()) {
    if (!send(child, 'SIGCONT')) break;
    // Shorter than a timer can be: on a fast machine a whole bundle is written in two of its milliseconds.
    for (const end = performance.now() + 0.3; performance.now() < end; );
    send(child, 'SIGSTOP');
    await new Promise((resolve) => setImmediate(resolve));
  }
  return !command.isOver() && holds();
}

/** The process that holds the threads. */
function workerOf(command: Pick<Command, 'pid'>): Running[] {
  return childrenOf(command.pid).filter((each) => each.command.includes('/dist/cli.cjs'));
}

async function isScanning(probe: Probe): Promise<boolean> {
  return (await probe.rows(`select from scan where state = 'running'`)).length > 0;
}

async function backend(probe: Probe, names: readonly string[]): Promise<number | null> {
  const [row] = await probe.rows(
    `select pid from pg_stat_activity where application_name = any ($1) order by state = 'active' desc limit 1`,
    names,
  );
  return row === undefined ? null : Number(row['pid']);
}

/** @returns whether there was something to strike */
async function strike(probe: Probe, command: Command, blow: Blow): Promise<boolean> {
  const { pid } = command;
  const signal = (name: NodeJS.Signals) => send(pid, name);
  const children = workerOf(command);
  const child = (name: NodeJS.Signals): boolean => children.map((each) => send(each.pid, name)).includes(true);
  // Where it was stopped to be struck: all but SIGKILL wait until it goes on.
  const goOn = (): boolean => child('SIGCONT');
  queueMicrotask(goOn);
  switch (blow) {
    case 'kill child':
      return child('SIGKILL');
    case 'kill parent':
      return signal('SIGKILL');
    case 'kill both':
      return [signal('SIGKILL'), child('SIGKILL')].includes(true);
    case 'interrupt':
      return signal('SIGINT');
    case 'interrupt both':
      // What a terminal does: everyone in the foreground gets it.
      return [child('SIGINT'), signal('SIGINT')].includes(true);
    case 'interrupt twice': {
      const first = signal('SIGINT');
      await until('it says how to end at once', () => command.isOver() || command.said().includes('Ctrl-C again'));
      signal('SIGINT');
      return first;
    }
    case 'terminate':
      return signal('SIGTERM');
    case 'hang up':
      return [child('SIGHUP'), signal('SIGHUP')].includes(true);
    case 'kill postmaster': {
      const server = postmasterPid(probe.state);
      return server !== null && send(server, 'SIGKILL');
    }
    case 'kill backend': {
      const found = await backend(probe, [
        'rollcall thread',
        'rollcall drain',
        'rollcall keeper',
        'rollcall scan',
        'rollcall assess',
      ]);
      return found !== null && send(found, 'SIGKILL');
    }
    case 'cut thread': {
      const found = await backend(probe, ['rollcall thread']);
      return found !== null && (await probe.rows('select pg_terminate_backend($1)', found)).length > 0;
    }
    case 'cut all':
      return (
        (
          await probe.rows(
            `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'rollcall%' and pid <> pg_backend_pid()`,
          )
        ).length > 0
      );
    case 'close pipes':
      command.child.stdout?.destroy();
      command.child.stderr?.destroy();
      return true;
    case 'stop database': {
      const server = postmasterPid(probe.state);
      return server !== null && send(server, 'SIGINT');
    }
  }
}

async function catalogFaults(client: Queryable, what: What, expected: Undisturbed): Promise<string[]> {
  const live = LIVE_SCANS[what];
  const { rows } =
    what === 'first'
      ? { rows: [] }
      : await client.query<{ scan: bigint; shard: bigint }>(
          `select distinct l.scan, l.shard from riot.shard_log l join riot.shard_log d on d.scan = l.scan and d.shard = l.shard and d.n < l.n and d.now = 'done'`,
        );
  const again = rows.map(({ scan, shard }) => `shard ${shard} of scan ${scan} was done, and was taken up again`);
  const files = await filesRead(client, live);
  const more = files > expected.filesRead ? [`${files} files were read, not ${expected.filesRead}`] : [];
  return [...again, ...more, ...differences(expected.dump, await dumpOf(client, live))];
}

function leftBehind(state: string, cwd: string): string[] {
  const faults: string[] = [];
  if (socketExists(state)) faults.push('a socket is left');
  if (postmasterPid(state) !== null) faults.push('a postmaster.pid is left');
  const known = /^(VERSION|data|run|postgres-[^/]*|postgres\.log.*|log.*)$/;
  for (const name of readdirSync(state))
    if (!known.test(name) || name.includes('.new-')) faults.push(`left in the state directory: ${name}`);
  for (const name of readdirSync(cwd))
    if (!/^rollcall-\d{8}-\d{6}(-\d+)?$/.test(name)) faults.push(`left beside the bundle: ${name}`);
  return faults;
}

/** One bundle or, where the first command ended after its own, two; each whole, and the last as it would have been. */
function bundleFaults(cwd: string, expected: Readonly<Record<string, string>>): string[] {
  const bundles = bundlesIn(cwd);
  const last = bundles.at(-1);
  if (last === undefined) return ['there is no bundle'];
  const faults: string[] = [];
  const names = Object.keys(expected).sort().join(' ');
  for (const bundle of bundles) {
    if (Object.keys(bundle).sort().join(' ') !== names)
      faults.push(`a bundle of other files: ${Object.keys(bundle).join(' ')}`);
  }
  for (const [name, content] of Object.entries(expected)) {
    if (name.startsWith('lists/') && last[name] !== content) faults.push(`${name} of the bundle differs`);
  }
  return faults;
}
