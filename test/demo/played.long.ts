// The demo from its beginning to its end, with the commands that it shows: what Rollcall finds is what the story says.
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDemo } from './start.ts';

let base: string;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'rollcall-demo-played-'));
  // The database's own user passes through here.
  chmodSync(base, 0o755);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

test('the demo finds silent losses, deletions, moves and damage, brings everything back, and proves it', async () => {
  const demo = startDemo(base, join(base, 'state'));
  const ended = new Promise<number | null>((resolve) => demo.once('close', resolve));
  let said = '';
  for (const pipe of [demo.stdout, demo.stderr])
    pipe.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  try {
    expect(await ended, said).toBe(0);
  } finally {
    demo.kill('SIGKILL');
  }
  // A quiet afternoon first, then the loss.
  expect(said).toMatch(/Nothing to report: .* intact, 2 moved, 8 new/);
  expect(said).toContain('It sees 110 of 215 losses');
  expect(said).toMatch(/lost for good +3 files/);
  expect(said).toMatch(/restorable +218 files .*all exactly/);
  expect(said).toMatch(/105 vanished, 1 damaged\n/);
  expect(said).toMatch(/113 vanished, 2 damaged\n/);
  expect(said).toMatch(/missing 218, corrupt 1, truncated 2, deleted 14, moved 12, new 10;/);
  // The busy directories alone leave a doubt, and the lost directory counts beside the files.
  const [, silently, uncertain] = /silently (\d+); uncertain (\d+) \(restored only with --uncertain\)/.exec(said) ?? [];
  expect(Number(silently) + Number(uncertain)).toBe(219);
  expect(Number(silently)).toBeGreaterThan(170);
  expect(said).toMatch(/218 files restored \(1 by linking\), 1 directory created/);
  expect(said).toMatch(/219 +restored, identical byte for byte/);
  expect(said).toContain('Everything was restored.');
  expect(readdirSync(base).filter((name) => name.startsWith('rollcall-'))).toEqual([]);
}, 240_000);
