// What Rollcall says of a world of the lab, from inside it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLI } from '../support/programs.ts';
import type { World } from './world.ts';

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function rollcall(world: World, ...args: readonly string[]): Ended {
  const env = { ...process.env, ROLLCALL_STATE_DIR: join(world.base, 'state'), NO_COLOR: '1' };
  return world.try([...beforehand, process.execPath, CLI, ...args], env);
}

let beforehand: readonly string[] = [];
const NO_RECORD = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /var/lib/glusterd && exec "$@"', 'sh'];

/** As on a machine that has the bricks and no glusterd. */
export function withoutRecord<T>(look: () => T): T {
  beforehand = NO_RECORD;
  try {
    return look();
  } finally {
    beforehand = [];
  }
}

export interface Found {
  readonly path: string;
  readonly verdict: string;
  /** Sentences. */
  readonly evidence?: readonly string[];
}

/** What an assessment came to: 0 nothing, 1 findings, 3 some of it could not be seen. Anything else fails. */
export interface Assessed extends Ended {
  readonly findings: readonly Found[];
}

/**
 * @param live as `--live` takes it; all bricks where it is not said
 * @param options of the command beside it
 */
export function assess(world: World, bundle: string, live = world.live, options: readonly string[] = []): Assessed {
  const args = ['--live', live, '--backup', `${world.nights}/*`, '--out', bundle, ...options];
  return assessed(world, bundle, rollcall(world, 'assess', ...args));
}

function assessed(world: World, bundle: string, ended: Ended): Assessed {
  const { status, stdout, stderr } = ended;
  if (![0, 1, 3].includes(status ?? 2)) throw new Error(`assess ended with ${status}: ${stdout}${stderr}`);
  return { ...ended, findings: foundBy(world, bundle, status) };
}

function foundBy(world: World, bundle: string, status: number | null): Found[] {
  const told = join(bundle, 'findings.jsonl');
  if (!existsSync(told)) return status === 0 ? [] : stillOpen(world);
  const lines = readFileSync(told, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Found);
}

/** Where nothing can be restored there is no bundle, and yet there are findings. */
function stillOpen(world: World): Found[] {
  const { findings } = JSON.parse(rollcall(world, 'findings', '--json').stdout) as {
    findings: readonly (Found & { readonly state: string; readonly detail: Pick<Found, 'evidence'> })[];
  };
  return findings.filter(({ state }) => state === 'open').map((one) => ({ ...one, ...one.detail }));
}

/** New files are no trouble. */
export function open({ findings }: { readonly findings: readonly Found[] }): Found[] {
  return findings.filter(({ verdict }) => verdict !== 'new').map(({ path, verdict }) => ({ path, verdict }));
}

/** Paths of a verdict, in order. */
export function pathsOf({ findings }: { readonly findings: readonly Found[] }, verdict: string): string[] {
  return findings.flatMap((one) => (one.verdict === verdict ? [one.path] : [])).sort();
}
