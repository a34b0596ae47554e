// A host's part of whatever is asked of its disk, for judging and for bundles, as text in and text out: what a task of
// that host does with the rows that it was given.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { createHasher } from '../files/hash.ts';
import { toText } from '../judge/asks.ts';
import { carryOut, type CarryOutTools, refuseForeign, refuseRoots } from '../judge/carry-out.ts';
import { type AnyAnswer, type AnyAsk, anyAskFromText, isProofAsk, type ProofAnswer, type ProofAsk } from './asks.ts';
import { ProofDisk } from './proof-disk.ts';

/**
 * Answers asks of one host, one each, in their order; both as toText makes them.
 * @throws RollcallError for an ask to another host (2), roots that may not be looked at (4), an interruption (130)
 */
export async function carryOutTexts(asks: readonly string[], tools: CarryOutTools): Promise<string[]> {
  return (await carryOutAll(asks.map(anyAskFromText), tools)).map(toText);
}

/** The same with asks and answers as data. */
export async function carryOutAll(asks: readonly AnyAsk[], tools: CarryOutTools): Promise<AnyAnswer[]> {
  const proofs = asks.filter(isProofAsk);
  const judging = asks.filter((ask) => !isProofAsk(ask));
  const answers = new Map<AnyAsk, AnyAnswer>();
  for (const [index, answer] of (await carryOut(judging, tools)).entries()) {
    const ask = judging[index];
    if (ask !== undefined) answers.set(ask, answer);
  }
  for (const [ask, answer] of await carryOutProofs(proofs, tools)) answers.set(ask, answer);
  return asks.map((ask) => {
    const answer = answers.get(ask);
    if (answer === undefined) throw new Error(`${ask.kind} was not answered`);
    return answer;
  });
}

/** What is read gives others of this process their turn at least this often. */
const YIELD_EVERY_MS = 50;

async function carryOutProofs(
  asks: readonly ProofAsk[],
  { host, accepted, now, signal, onProgress = () => {} }: CarryOutTools,
): Promise<[ProofAsk, ProofAnswer][]> {
  if (asks.length === 0) return [];
  refuseForeign(asks, host);
  refuseRoots(
    asks.map(({ root }) => root),
    accepted,
  );
  const disk = new ProofDisk(await createHasher(), now, (bytes) => onProgress(0, bytes));
  const answers: [ProofAsk, ProofAnswer][] = [];
  let yieldedMs = now();
  try {
    for (const ask of asks) {
      answers.push([ask, disk.answer(ask)]);
      if (now() - yieldedMs < YIELD_EVERY_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      if (signal?.aborted === true)
        throw new RollcallError('Interrupted while sources were read.', { exit: EXIT.interrupted });
      yieldedMs = now();
    }
  } finally {
    disk.close();
  }
  return answers;
}
