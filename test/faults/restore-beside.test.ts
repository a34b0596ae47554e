// A restore that is not alone at its target: a second one from the same bundle, one from another bundle, and a user who
// swaps a directory for a link as fast as they can, while root restores below it.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../domain/exit.ts';
import { type Ran, World } from '../bundle/world.ts';
import { until } from '../support/poll.ts';
import { have, programPath } from '../support/machine.ts';
import { bytes, survey, text } from '../support/tree.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.remove());

const missing = { verdict: 'missing', from: 's1' } as const;

/** Files in directories that are gone; `bundle` is written. */
async function lost(directories: number, each: number): Promise<void> {
  const from = world.snapshot('s1');
  for (let d = 0; d < directories; d++) {
    for (let f = 0; f < each; f++) world.write(from, `d${d}/f${f}`, `${d}/${f} `.repeat(3000));
    utimesSync(bytes(from, `/d${d}`), 1_400_000_000 + d, 1_400_000_000 + d);
    world.wrong(`d${d}`, missing);
    for (let f = 0; f < each; f++) world.wrong(`d${d}/f${f}`, missing);
  }
  await world.writeBundle();
}

interface Started {
  readonly ended: Promise<Ran>;
  readonly said: () => string;
}

function start(bundle: string, path?: string): Started {
  const child = spawn('sh', [join(bundle, 'restore.sh'), '--apply', world.live], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: world.base, ...(path === undefined ? {} : { PATH: path }) },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  return {
    ended: new Promise((resolve) => child.once('close', (code) => resolve({ code, output }))),
    said: () => output,
  };
}

describe('two restores at once into one target', () => {
  it('from one bundle: the second waits for the first, and has nothing left to do', async () => {
    await lost(3, 10);
    const both = await Promise.all([start(world.bundle).ended, start(world.bundle).ended]);
    expect(both.map(({ code, output }) => ({ code, output }))).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(both.filter(({ output }) => output.includes('30 restored, 0 already there')).length).toBe(1);
    expect(both.filter(({ output }) => output.includes(' 0 restored, 30 already there')).length).toBe(1);
    expect(text(survey(world.live))).toEqual(text(survey(world.snapshot('s1'))));
    expect(await world.verify()).toMatchObject({ exit: EXIT.nothing, metadataDiffers: 0 });
  });

  it.skipIf(!have('flock'))(
    'from one bundle: the second gives up where the first takes long, and changes nothing',
    async () => {
      await lost(2, 3);
      // The first one stands still in its first rsync until it is let go.
      const go = join(world.base, 'go');
      const waiting = `#!/bin/sh\ncase "$*" in *--version*) ;; *) touch '${go}.waits'; while [ ! -e '${go}' ]; do sleep 0.02; done ;; esac\nexec ${programPath('rsync')} "$@"\n`;
      const first = start(world.bundle, world.path({ scripts: { rsync: waiting } }));
      try {
        await until('the first one is at its rsync', () => existsSync(`${go}.waits`));
        const before = text(survey(world.live));
        // Ten seconds are long for a test.
        const hasty = `#!/bin/sh\n[ "$1" = -w ] && shift 2\nexec ${programPath('flock')} -n "$@"\n`;
        const second = await start(world.bundle, world.path({ scripts: { flock: hasty } })).ended;
        expect(second.code).toBe(EXIT.failure);
        expect(second.output).toContain('another restore from this bundle into TARGET is running');
        expect(text(survey(world.live))).toEqual(before);
      } finally {
        writeFileSync(go, '');
      }
      expect(await first.ended).toMatchObject({ code: 0 });
      expect(text(survey(world.live))).toEqual(text(survey(world.snapshot('s1'))));
    },
  );

  it('from two bundles that hold the same: every file comes back as it was, once', async () => {
    await lost(6, 20);
    const other = join(world.base, 'other bundle');
    await world.writeBundle({ outDir: other });
    const both = await Promise.all([start(world.bundle).ended, start(other).ended]);
    expect(both.map(({ code, output }) => ({ code, output }))).toMatchObject([{ code: 0 }, { code: 0 }]);
    // Of a directory that one has made and the other has filled, the time is that of the filling.
    const files = (root: string | Buffer): string[] => text(survey(root)).filter((line) => line.includes(' file '));
    expect(files(world.live)).toEqual(files(world.snapshot('s1')));
    expect((await world.verify()).exit).toBe(EXIT.nothing);
    for (let d = 0; d < 6; d++)
      expect(statSync(join(world.live, `d${d}`)).mode & 0o7777).toBe(
        statSync(bytes(world.snapshot('s1'), `/d${d}`)).mode & 0o7777,
      );
  });
});

const UID = 4711;
const ROUNDS = 5;
const canRace = process.getuid?.() === 0 && have('setpriv') && spawnSync('unshare', ['-m', 'true']).status === 0;

/**
 * Swaps x for a link and back, until its standard input ends; a byte on its standard output for every hundred times.
 */
const RACER = `
const { renameSync, rmSync, symlinkSync, writeSync } = require('node:fs');
const [x, victim] = process.argv.slice(1);
symlinkSync(victim, x + '.link');
let ends = false;
let made = 0;
process.stdin.on('end', () => (ends = true)).resume();
const move = (from, to) => {
  for (;;) {
    try {
      return renameSync(from, to);
    } catch (error) {
      // restore.sh has made the directory that was not there for a moment.
      if (error.code !== 'EISDIR' && error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      renameSync(to, to + '.made' + made++);
    }
  }
};
const turn = () => {
  for (let n = 0; n < 100; n++) {
    move(x, x + '.real');
    move(x + '.link', x);
    move(x, x + '.link');
    move(x + '.real', x);
  }
  writeSync(1, '.');
  if (ends) rmSync(x + '.link');
  else setImmediate(turn);
};
turn();
`;

describe.skipIf(!canRace)(
  'a user who swaps a directory for a link without a pause (skipped where this is not root with setpriv and unshare)',
  () => {
    it(`leads root nowhere in ${ROUNDS} restores, and is made good afterwards`, async () => {
      const from = world.snapshot('s1');
      const paths = Array.from({ length: 60 }, (_, n) => `home/m/x/d${n % 6}/f${n}`);
      for (const path of paths) world.write(from, path, path);
      for (let d = 0; d < 6; d++) world.wrong(`home/m/x/d${d}`, missing);
      for (const path of paths) world.wrong(path, missing);
      for (let f = 0; f < 20; f++) {
        world.write(from, `home/m/x/g${f}`, `good ${f}`);
        world.wrong(`home/m/x/g${f}`, missing);
      }
      mkdirSync(join(world.live, 'home/m/x'), { recursive: true });
      await world.writeBundle();
      chmodSync(world.base, 0o711);
      const x = join(world.live, 'home/m/x');
      for (const at of [join(world.live, 'home/m'), x]) chownSync(at, UID, UID);
      const victim = join(world.base, 'victim');
      for (let d = 0; d < 6; d++) mkdirSync(join(victim, `d${d}`), { recursive: true });
      writeFileSync(join(victim, 'd0/theirs'), 'of root');
      const state = (): string[] => [
        ...text(survey(victim)),
        ...['', 'd0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd0/theirs'].map((name) =>
          String(statSync(join(victim, name), { bigint: true }).ctimeNs),
        ),
      ];
      const before = state();
      const racer = spawn(
        'setpriv',
        [`--reuid=${UID}`, `--regid=${UID}`, '--clear-groups', process.execPath, '-e', RACER, x, victim],
        {
          cwd: '/',
          stdio: ['pipe', 'pipe', 'inherit'],
        },
      );
      let swaps = 0;
      racer.stdout.on('data', (data: Buffer) => (swaps += data.length * 100));
      const ended = new Promise<number | null>((resolve) => racer.once('exit', (code) => resolve(code)));
      try {
        for (let round = 0; round < ROUNDS; round++) {
          const seen = swaps;
          await until('the racer runs', () => swaps > seen);
          const ran = await start(world.bundle).ended;
          expect([EXIT.nothing, EXIT.findings, EXIT.failure]).toContain(ran.code);
          expect(ran.output).not.toContain('NOTE: symlinks');
          expect(state()).toEqual(before);
        }
        expect(swaps).toBeGreaterThan(ROUNDS * 100);
      } finally {
        racer.stdin.end();
        expect(await ended).toBe(0);
      }
      const ran = world.restore(['--apply']);
      expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
      expect(readFileSync(join(x, 'g7'), 'utf8')).toBe('good 7');
      expect(state()).toEqual(before);
      expect((await world.verify()).exit).toBe(EXIT.nothing);
    });
  },
);
