// Threads that are closed at any moment of their start. Prints how many were.
import { setTimeout as pause } from 'node:timers/promises';
import { Reader } from '../../services/fleet/reader.ts';
import { Threads } from '../../services/scan/threads.ts';

const ROUNDS = 120;
/** A thread has loaded by then. */
const LOADS_MS = 100;

const accepted = { notGluster: false, bricksRescued: false };
let closed = 0;
for (; closed < ROUNDS; closed++) {
  const wait = pause((LOADS_MS * closed) / ROUNDS);
  const threads = new Threads(1, null);
  const reader = new Reader({ host: 'here', pace: null, callHost: null, onHang: () => undefined });
  const stop = new AbortController();
  const answer = reader.answer([], { accepted, signal: stop.signal }).catch(() => undefined);
  await wait;
  stop.abort();
  await Promise.all([threads.close(), reader.close(), answer]);
}
console.log(closed);
