// A host's part of judging: what others ask of the copies and live trees that lie on it is carried out from the asks
// alone, without the catalog.
import { grouped } from '../../domain/grouped.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { evidenceOf, evidenceText } from '../../domain/gluster/evidence.ts';
import { createHasher } from '../files/hash.ts';
import { rootsAsked } from '../files/answer-elsewhere.ts';
import { BRICKS, isBricks } from '../../domain/gluster/named.ts';
import { placesOf } from '../files/location.ts';
import { type Accepted, refuseBrick, refuseGluster } from '../files/looking.ts';
import { readMounts } from '../files/mounts.ts';
import type { Answer, Ask, LookAnswer, LookAsk } from './asks.ts';
import { byPlace, Disk } from './disk.ts';
import { listingOnlyAt, lookAgain } from './lookup.ts';

export interface CarryOutTools {
  /** Of this process. Nothing of another host is touched: a directory of the same path is another one. */
  readonly host: string;
  /** What the person who asked for the assessment has accepted. */
  readonly accepted: Accepted;
  readonly now: () => number;
  readonly signal?: AbortSignal;
  /** Files and bytes, as they are read. */
  readonly onProgress?: (files: number, bytes: number) => void;
}

/** Others of this process get their turn at least this often. */
const YIELD_EVERY_MS = 50;

/**
 * Answers asks of one host, one each, in their order. What cannot be read is an answer, too.
 * @throws RollcallError for an ask to another host (2), roots that may not be looked at (4), an interruption (130)
 */
export async function carryOut(asks: readonly Ask[], tools: CarryOutTools): Promise<Answer[]> {
  refuseForeign(
    asks.flatMap((ask): readonly Ask[] => (ask.kind === 'copies' ? [ask, ...ask.asks] : [ask])),
    tools.host,
  );
  refuseRoots(asks.flatMap(rootsOf), tools.accepted);
  const { now, onProgress = () => {} } = tools;
  const answers = new Map<Ask, Answer>(await looksOf(asks.filter((ask) => ask.kind === 'look')));
  const disk = new Disk({ hasher: await createHasher(), now, onProgress });
  let yieldedMs = now();
  try {
    for (const ask of asks.filter(({ kind }) => kind !== 'look').toSorted(bySource)) {
      answers.set(ask, answerOf(ask, disk));
      if (now() - yieldedMs < YIELD_EVERY_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      stopIfAborted(tools.signal);
      yieldedMs = now();
    }
  } finally {
    disk.close();
  }
  return asks.map((ask) => {
    const answer = answers.get(ask);
    if (answer === undefined) throw new Error(`${ask.kind} was not answered`);
    return answer;
  });
}

function answerOf(ask: Ask, disk: Disk): Answer {
  switch (ask.kind) {
    case 'read':
      return disk.read(ask);
    case 'copies':
      return disk.copies(ask);
    case 'compare':
      return disk.compare(ask);
    case 'measure':
      return disk.measure(ask);
    case 'mount':
      return { kind: 'mount', listingOnly: listingOnlyAt(ask.root) };
    case 'bricks':
      return disk.bricks(ask);
    case 'look':
      throw new Error('second looks are made together');
  }
}

const NOWHERE = { root: '', mark: null, path: '' };

function bySource(a: Ask, b: Ask): number {
  const copyOf = (ask: Ask): Parameters<typeof byPlace>[0] =>
    ask.kind === 'compare'
      ? ask.of
      : ask.kind === 'copies'
        ? (ask.asks[0] ?? NOWHERE)
        : ask.kind === 'mount'
          ? { ...ask, path: '' }
          : ask.kind === 'bricks'
            ? NOWHERE
            : ask;
  return byPlace(copyOf(a), copyOf(b));
}

async function looksOf(asks: readonly LookAsk[]): Promise<[LookAsk, LookAnswer][]> {
  const byRoot = grouped(asks, ({ root, mark }) => `${root}\0${mark?.rootInode} ${mark?.rootBtimeNs}`);
  const answers: [LookAsk, LookAnswer][] = [];
  for (const own of byRoot.values()) {
    const [first] = own;
    if (first === undefined) continue;
    try {
      const suspected = own.toSorted(byPlace).map((ask) => {
        const bricks = evidenceOf(ask.bricks ?? null);
        return { ask, path: ask.path, seen: ask.seen, ...(bricks === null ? {} : { bricks }) };
      });
      for (const { asked, outcome, errno, trace } of (await lookAgain(first, suspected)).looks) {
        const told = trace === undefined ? {} : { trace: evidenceText(trace) };
        answers.push([asked.ask, { kind: 'look', outcome, errno, detail: null, ...told }]);
      }
    } catch (error) {
      if (!(error instanceof RollcallError)) throw error;
      const detail = error.cause instanceof Error ? error.cause.message : error.message;
      for (const ask of own) answers.push([ask, { kind: 'look', outcome: 'no root', errno: null, detail }]);
    }
  }
  return answers;
}

/** The roots that an ask opens. */
function rootsOf(ask: Ask): string[] {
  if (ask.kind === 'copies') return ask.asks.map(({ root }) => root);
  if (ask.kind === 'bricks') return [`${BRICKS}${rootsAsked(ask.question).join()}`];
  return ask.kind === 'compare' ? [ask.of.root, ask.against.root] : [ask.root];
}

/** @throws RollcallError for what another host was to be asked */
export function refuseForeign(asks: readonly { readonly kind: string; readonly host: string }[], host: string): void {
  const foreign = asks.find((ask) => ask.host !== host);
  if (foreign === undefined) return;
  throw new RollcallError(`${foreign.host} was to be asked, and this is ${host}: nothing was looked at.`, {
    exit: EXIT.failure,
    next: 'Check that each worker has the --host that the catalog knows it by.',
  });
}

/** Looking must not destroy (docs/design.md#rule-9): anything may be mounted at a root since it was scanned. */
export function refuseRoots(roots: readonly string[], accepted: Accepted): void {
  const mounts = readMounts();
  const all = [...new Set(roots)];
  for (const root of all.flatMap((one) => placesOf(one))) refuseGluster(root, accepted, false, mounts);
  refuseBrick(
    all.filter((root) => !isBricks(root)),
    mounts,
  );
}

function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new RollcallError('Interrupted while copies were read.', { exit: EXIT.interrupted });
}
