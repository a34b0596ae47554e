// A rebalance is stopped in the middle of a step, by strace on the process of a brick, and killed there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/poll.ts';
import type { Brick, World } from './world.ts';

/** Longer than any test holds a brick. */
const HELD_US = 120_000_000;
/** A call that is not held has ended by then. */
const RESTS_MS = 300;

/** Calls of bricks' processes that take as long as somebody wants. */
export interface Hold {
  /** A brick that is in the middle of such a call, and has not moved for a while; null where none is. */
  held(): Brick | null;
  /** Every brick goes on; one that was killed does not end before. */
  release(): void;
}

interface Traced {
  readonly brick: Brick;
  readonly log: string;
  readonly tracer: string;
  text: string;
  sinceMs: number;
}

interface Slow {
  /** System calls, as strace names them. */
  readonly calls: string;
  /** Each of them takes so much longer; as long as it takes where it is not said. */
  readonly delayUs?: number;
  /** So many of each thread go through as always, first. */
  readonly passes?: number;
}

let holds = 0;

/** From now on such calls of these bricks' processes are held. Ends with the world. */
export async function hold(world: World, bricks: readonly Brick[], slow: Slow): Promise<Hold> {
  const { calls, delayUs = HELD_US, passes = 0 } = slow;
  const traced: Traced[] = [];
  for (const brick of bricks) {
    const pid = world.brickPid(brick);
    const log = join(world.base, `held-${++holds}`);
    const inject = `inject=${calls}:delay_enter=${delayUs}:when=${passes + 1}+`;
    const command = `strace -f -qq -o ${log} -p ${pid} -e trace=${calls} -e ${inject}`;
    const tracer = world.sh(`touch ${log}; ${command} </dev/null >>${log}.err 2>&1 & echo $!`).toString().trim();
    traced.push({ brick, log, tracer, text: '', sinceMs: Date.now() });
    const threads = `grep -L 'TracerPid:[[:space:]]0$' /proc/${pid}/task/*/status`;
    const all = `[ $(${threads} | wc -l) = $(ls /proc/${pid}/task | wc -l) ]`;
    await until(`the process of ${brick.name} is traced`, () => world.try(['bash', '-c', all]).status === 0);
  }
  return {
    held: () => traced.find(isHeld)?.brick ?? null,
    release: () => {
      for (const { tracer } of traced) world.try(['kill', '-KILL', tracer]);
    },
  };
}

function isHeld(one: Traced): boolean {
  const text = readFileSync(one.log, 'latin1');
  if (text !== one.text) {
    one.text = text;
    one.sinceMs = Date.now();
  }
  return callsIn(text) > 0 && Date.now() - one.sinceMs > RESTS_MS;
}

/** Calls that have begun and not ended: strace writes a line, or its first half, when a call begins. */
function callsIn(text: string): number {
  const count = (pattern: RegExp): number => [...text.matchAll(pattern)].length;
  return count(/^\d+ +\w+\(/gm) - count(/\) += -?\d+/g);
}

interface Death extends Slow {
  /** The brick's process is killed as well, in the middle of the call. */
  readonly killsBrick: boolean;
}

/** Starts a rebalance, waits until one of the bricks is in the middle of such a call, and kills it there. */
export async function killedRebalance(world: World, bricks: readonly Brick[], death: Death): Promise<Brick> {
  const holding = await hold(world, bricks, death);
  world.startRebalance();
  let at: Brick | null = null;
  await until(`a brick is held in ${death.calls}`, () => (at = holding.held()) !== null, 60_000);
  const brick = at as Brick | null;
  if (brick === null) throw new Error('no brick is held');
  world.kill(world.rebalancePid);
  const pid = world.brickPid(brick);
  if (death.killsBrick) world.try(['kill', '-KILL', pid]);
  holding.release();
  if (death.killsBrick) world.kill(pid);
  let before = '';
  await until('the bricks rest', () => {
    const now = world.bricksAsTheyAre();
    if (now === before) return true;
    before = now;
    return false;
  });
  return brick;
}
