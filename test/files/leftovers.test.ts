// What a writer that was killed has left, and whose writer still runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { writeWhole } from '../../services/files/whole-file.ts';
import { until } from '../support/poll.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

/** A process that has ended, and after which nobody asks until the test is over. */
async function zombie(): Promise<number> {
  // The shell becomes a program that knows nothing of the child that it began with.
  const parent = spawn('sh', ['-c', 'sh -c : & echo $!; exec sleep 600'], { stdio: ['ignore', 'pipe', 'ignore'] });
  undo.push(() => {
    parent.kill('SIGKILL');
    return once(parent, 'close');
  });
  const [said] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(said.toString());
  await until('it has ended', () => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
  return pid;
}

test('what a killed writer left is removed by the next one, also where its process is a zombie; what one that runs writes is not', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rollcall-leftovers-'));
  undo.push(() => rmSync(directory, { recursive: true }));
  const dead = `.rollcall-0.partial-${await zombie()}`;
  const runs = `.rollcall-1.partial-${process.ppid}`;
  const foreign = 'notes.partial-4194304';
  for (const name of [dead, runs, foreign]) writeFileSync(join(directory, name), '');
  await writeWhole(join(directory, 'list'), { what: 'export', option: '--out' }, async (write) => {
    write(Buffer.from('all'));
    await Promise.resolve();
  });
  expect(readdirSync(directory).sort()).toEqual([runs, 'list', foreign]);
});
