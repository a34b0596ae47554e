// Asking the workers of another host for what lies on its bricks, while a thread of this one waits. A host that says
// nothing is asked again only after a while: each thread would wait for it anew.
import { setTimeout as pause } from 'node:timers/promises';
import { callState, forgetCall, forgetOldCalls, leaveCall } from '../catalog/calls.ts';
import { type Database, inTransaction } from '../catalog/database.ts';
import type { DueTask } from '../catalog/tasks.ts';
import { bricksAsk, bricksAnswer } from '../judge/asks.ts';
import type { CallHost } from '../process/blocking-call.ts';

export interface CallTools {
  readonly db: Database;
  readonly nowMs: () => number;
  /** A host without a worker for so long is not waited for. */
  readonly silentMs: number;
  /** Told of what other workers could do now. */
  readonly onDue: (due: readonly DueTask[]) => void;
  readonly signal: AbortSignal;
}

const LOOK_MS_MIN = 4;
const LOOK_MS_MAX = 100;
/** Nobody asks for longer than this: whoever did is gone. */
const FORGOTTEN_AFTER_MS = 24 * 3_600_000;

export function openCalls({ db, nowMs, silentMs, onDue, signal }: CallTools): CallHost {
  const silentSinceMs = new Map<string, number>();
  let hasForgotten = false;
  const failed = (host: string): Error => new Error(`no worker of ${host} answers`);
  return async (host, question) => {
    if (nowMs() - (silentSinceMs.get(host) ?? -Infinity) < silentMs) throw failed(host);
    if (!hasForgotten) {
      hasForgotten = true;
      await forgetOldCalls(db.pool, nowMs() - FORGOTTEN_AFTER_MS);
    }
    const reference = { accepted: { notGluster: false, bricksRescued: false } };
    const asked = { host, reference, question: bricksAsk(host, question), nowMs: nowMs() };
    const id = await inTransaction(db, (client) => leaveCall(client, asked));
    onDue([{ id, kind: 'read-bricks', host }]);
    try {
      for (let ms = LOOK_MS_MIN; ; ms = Math.min(LOOK_MS_MAX, ms * 1.5)) {
        await pause(ms, undefined, { signal });
        const state = await callState(db.pool, id, silentMs);
        if (state.state === 'done') return bricksAnswer(state.answer);
        if (state.state === 'failed') throw new Error(`on ${host}: ${state.message}`);
        if (state.state === 'open') continue;
        silentSinceMs.set(host, nowMs());
        throw failed(host);
      }
    } finally {
      await forgetCall(db.pool, id).catch(() => undefined);
    }
  };
}
