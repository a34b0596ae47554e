// What a writer that was killed has left, and whose writer still runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { writeWhole } from '../../services/files/whole-file.ts';
import { partialMark } from '../../services/files/leftovers.ts';
import { World } from '../bundle/world.ts';
import { until } from '../support/poll.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

/** A process that has ended, and after which nobody asks until the test is over. */
async function zombie(): Promise<number> {
  // The shell becomes a program that knows nothing of the child that it began with, and the child ends after that only.
  const child = 'while ! grep -q "^Name:.*sleep" /proc/$PPID/status; do :; done';
  const parent = spawn('sh', ['-c', `sh -c '${child}' & echo $!; exec sleep 600`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  undo.push(() => {
    parent.kill('SIGKILL');
    return once(parent, 'close');
  });
  const [said] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(said.toString());
  await until('it has ended', () => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
  return pid;
}

async function writeList(directory: string): Promise<void> {
  await writeWhole(join(directory, 'list'), { what: 'export', option: '--out' }, async (write) => {
    write(Buffer.from('all'));
    await Promise.resolve();
  });
}

test('what a killed writer left is removed by the next one, also where its process is a zombie; what one that runs writes is not', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rollcall-leftovers-'));
  undo.push(() => rmSync(directory, { recursive: true }));
  const dead = `.rollcall-0${partialMark(await zombie())}`;
  const runs = `.rollcall-1${partialMark(process.ppid)}`;
  // In a container numbers are given out anew at each start.
  const sameNumber = `.rollcall-2${partialMark(process.ppid).replace(/\d+$/, '1')}`;
  const foreign = `notes${partialMark(4_194_304)}`;
  for (const name of [dead, runs, sameNumber, foreign]) writeFileSync(join(directory, name), '');
  await writeList(directory);
  expect(readdirSync(directory).sort()).toEqual([runs, 'list', foreign].sort());
});

test('what a writer on another machine writes is left alone until nobody has touched it for a day', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rollcall-leftovers-'));
  undo.push(() => rmSync(directory, { recursive: true }));
  const number = await zombie();
  const names = ['fresh', 'old', 'older version', 'older version, old'].map(
    (what, index) => `.rollcall-${what}.partial-${index < 2 ? '0123abcd-' : ''}${number}${index < 2 ? '-77' : ''}`,
  );
  for (const [index, name] of names.entries()) {
    writeFileSync(join(directory, name), '');
    const days = index % 2 === 0 ? 0.5 : 2;
    const at = Date.now() / 1000 - days * 86_400;
    utimesSync(join(directory, name), at, at);
  }
  await writeList(directory);
  expect(readdirSync(directory).sort()).toEqual(['list', names[0] ?? '', names[2] ?? ''].sort());
});

test('a bundle that another machine is writing in the same directory is left alone, by what lies deepest in it', async () => {
  const world = new World();
  undo.push(() => world.remove());
  const partial = join(world.base, 'bundle.partial-0123abcd-4711-77');
  mkdirSync(join(partial, 'lists'), { recursive: true });
  writeFileSync(join(partial, 'lists/plan'), '# source list type files bytes needs');
  const aged = (path: string): void => utimesSync(path, Date.now() / 1000 - 172_800, Date.now() / 1000 - 172_800);
  aged(join(partial, 'lists'));
  aged(partial);
  await world.writeBundle();
  expect(existsSync(partial)).toBe(true);
  aged(join(partial, 'lists/plan'));
  await world.writeBundle({ outDir: join(world.base, 'second') });
  expect(existsSync(partial)).toBe(false);
});
