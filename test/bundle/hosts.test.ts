// A bundle of snapshots on several hosts, restored on the volume's: each list names the host that it copies from.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EXIT } from '../../domain/exit.ts';
import { toText } from '../../services/judge/asks.ts';
import { type AnyAnswer, anyAnswerFromText, anyAskFromText } from '../../services/bundle/asks.ts';
import { carryOutTexts } from '../../services/bundle/carry-out.ts';
import { writeBundleInRounds } from '../../services/bundle/write.ts';
import { keyOf } from '../../services/judge/asks.ts';
import { World } from './world.ts';

let world: World;

beforeEach(() => {
  world = new World();
});
afterEach(() => {
  world.remove();
});

/** ssh's stand-in: each host sees its own directory of this name, as its whole tree. */
function shell(): string {
  const path = join(world.base, 'ssh');
  const text = `#!/bin/sh
while [ $# -gt 0 ]; do case $1 in -l) shift 2 ;; -*) shift ;; *) break ;; esac; done
host=$1
shift
echo "$host" >>'${world.base}/asked'
mv '${world.base}/backup-of-'"$host" '${world.base}/backup'
sh -c "$*"
rc=$?
mv '${world.base}/backup' '${world.base}/backup-of-'"$host"
exit $rc
`;
  writeFileSync(path, text, { mode: 0o755 });
  return path;
}

async function writeInRounds(): Promise<void> {
  const answers = new Map<string, AnyAnswer>();
  for (;;) {
    const result = await writeBundleInRounds({
      assessment: world.assessment(),
      outDir: world.bundle,
      host: 'somewhere',
      answered: { answers, silent: new Set(), isLast: false },
      now: Date.now,
      program: 'rollcall',
      owners: new Map(),
      backupRoots: [],
    });
    if (!('wanted' in result)) return;
    for (const [host, asks] of result.wanted) {
      const texts = asks.map(toText);
      const accepted = { notGluster: false, bricksRescued: false };
      const told = await carryOutTexts(texts, { host, accepted, now: Date.now });
      texts.forEach((text, i) => answers.set(keyOf(anyAskFromText(text)), anyAnswerFromText(told[i]!)));
    }
  }
}

/** A file that was lost, and one whose content goes to another name, both on one host. */
async function lostWith(host: string): Promise<void> {
  world.write(world.snapshot('s1'), 'd/lost', 'the right words');
  world.write(world.snapshot('s1'), 'd/copied', 'other words');
  mkdirSync(join(world.live, 'd'));
  world.wrong('d/lost', { verdict: 'missing', from: 's1', host });
  world.wrong('d/renamed', { verdict: 'missing', from: 's1', sourcePath: 'd/copied', host });
  await writeInRounds();
  renameSync(join(world.base, 'backup'), join(world.base, `backup-of-${host}`));
}

it('copies over ssh from the host that the list names, and not from a directory of that path here', async () => {
  await lostWith('store');
  const rsh = { RSYNC_RSH: shell() };
  const dry = world.restore([], { env: rsh });
  expect({ code: dry.code, output: dry.output }).toMatchObject({ code: 0 });
  const ran = world.restore(['--apply'], { env: rsh });
  expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
  expect(readFileSync(join(world.live, 'd/lost'), 'utf8')).toBe('the right words');
  expect(readFileSync(join(world.live, 'd/renamed'), 'utf8')).toBe('other words');
  expect(ran.output).toContain('store:');
  expect(new Set(readFileSync(join(world.base, 'asked'), 'latin1').trim().split('\n'))).toEqual(new Set(['store']));
  expect((await world.verify()).exit).toBe(0);
});

it('takes nothing from here where that host cannot be reached', async () => {
  await lostWith('store');
  world.write(world.snapshot('s1'), 'd/lost', 'WRONG');
  world.write(world.snapshot('s1'), 'd/copied', 'WRONG');
  const ran = world.restore(['--apply'], { env: { RSYNC_RSH: '/bin/false' } });
  expect(ran.code).toBe(EXIT.failure);
  expect(existsSync(join(world.live, 'd/lost'))).toBe(false);
  expect(existsSync(join(world.live, 'd/renamed'))).toBe(false);
});

it('takes another place where --source says so', async () => {
  await lostWith('store');
  renameSync(join(world.base, 'backup-of-store'), join(world.base, 'backup'));
  const ran = world.restore(['--apply', '--source=/'], { env: { RSYNC_RSH: '/bin/false' } });
  expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
  expect(readFileSync(join(world.live, 'd/lost'), 'utf8')).toBe('the right words');
});

it('refuses a host whose name is an option, or none', async () => {
  await lostWith('-oProxyCommand=x');
  const ran = world.restore(['--apply'], { env: { RSYNC_RSH: '/bin/false' } });
  expect(ran.code).toBe(EXIT.failure);
  expect(ran.output).toContain('--source HOST:');
});
