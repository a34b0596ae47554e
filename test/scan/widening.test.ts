// More threads than cores are for storage with latency: told by processors that stand idle while there is work for all
// threads.
import { afterEach, expect, test } from 'vitest';
import { openThreads, type ThreadPool } from '../../services/scan/pool.ts';
import { Widening } from '../../services/scan/widening.ts';

let pool: ThreadPool | null = null;
afterEach(async () => {
  await pool?.close();
  pool = null;
});

function opened(wanted?: number): ThreadPool {
  pool = openThreads({ connectionString: 'postgres://nobody@127.0.0.1:1/none' }, wanted);
  return pool;
}

test('threads are doubled up to sixteen, and each may have work', () => {
  const threads = opened();
  const first = threads.threads;
  expect(threads.widen()).toBe(first < 16);
  expect(threads.threads).toBe(Math.min(16, 2 * first));
  expect(threads.lanes).toBe(2 * threads.threads);
  while (threads.widen());
  expect(threads.threads).toBeLessThanOrEqual(16);
});

test('a number that a person has said stays', () => {
  const threads = opened(1);
  expect(threads.widen()).toBe(false);
  expect(threads.threads).toBe(1);
});

test('without work for all threads, or before a second look, more are not worth it', () => {
  const widening = new Widening();
  expect(widening.isWorth(0, false)).toBe(false);
  expect(widening.isWorth(10, true)).toBe(false);
  expect(widening.isWorth(20, true)).toBe(false);
  expect(widening.isWorth(5_000, false)).toBe(false);
  expect(widening.isWorth(9_000, true)).toBe(false);
});

test('processors that did next to nothing since the last look are waited on', () => {
  const widening = new Widening();
  expect(widening.isWorth(0, true)).toBe(false);
  // What they did in these few moments is next to nothing of an hour.
  expect(widening.isWorth(3_600_000, true)).toBe(true);
});
