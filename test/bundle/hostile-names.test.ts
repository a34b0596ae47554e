// Hostile names and hostile snapshot names, from the assessment through bundle and restore.sh to files that are the
// same to the byte.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { World } from './world.ts';
import { have } from '../support/machine.ts';
import { bytes, survey, text } from '../support/tree.ts';

const root = process.getuid?.() === 0;

/** Every byte that a name can hold, and everything that has ever fooled a shell, rsync, xargs or a terminal. */
const NAMES: readonly Buffer[] = [
  ...[
    'new\nline',
    'tab\there',
    'carriage\rreturn',
    'esc\x1b[2J\x1b]0;title\x07',
    '-rf',
    '--delete',
    '--files-from=x',
    '#comment',
    ';semicolon',
    ' leading and trailing ',
    '$(touch x)',
    '`touch x`',
    '"; touch x; "',
    "'; touch x; '",
    'a\\b',
    '\\x41',
    '\\#012',
    '%0A',
    '*',
    '?',
    '[x]',
    '{a,b}',
    '~',
    '!x',
    'a&b|c>d<e',
    '${IFS}',
    'host:path',
    '::module',
    '.hidden',
    'u\u0308ber-NFD',
    '\u00fcber-NFC',
    'bidi\u202egnp.exe',
    'c1\u009bx',
    'x'.repeat(255),
    'ü'.repeat(127),
  ].map((name) => Buffer.from(name)),
  Buffer.from([0xff, 0xfe, 0x41]),
  Buffer.from([0x9b, 0x33, 0x31, 0x6d]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from(Array.from({ length: 120 }, (_, i) => (i + 1 === 0x2f ? 0x30 : i + 1))),
  Buffer.from(Array.from({ length: 128 }, (_, i) => i + 0x80)),
];

const SNAPSHOTS: readonly (string | Buffer)[] = [
  's$(touch x)',
  's`touch x`;touch x',
  'new\nline\n',
  '-e sh -c touch x',
  's[x]',
  's*',
  'q\\z[x]?',
  '#1',
  ' ',
  'esc\x1b[31m',
  Buffer.from([0x73, 0xff, 0x81]),
];

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => {
  world.remove();
});

/** Old times, odd modes and foreign owners on everything of a snapshot, so that nothing is right by accident. */
function age(directory: Buffer): void {
  let n = 0;
  const walk = (at: Buffer): void => {
    for (const name of readdirSync(at, { encoding: 'buffer', withFileTypes: false })) {
      const raw = bytes(at, '/', name);
      n += 1;
      let entries: Buffer[] | null = null;
      try {
        entries = readdirSync(raw, { encoding: 'buffer' });
      } catch {
        entries = null;
      }
      if (entries !== null) walk(raw);
      if (root) chownSync(raw, 1000 + (n % 7), 2000 + (n % 5));
      chmodSync(raw, entries === null ? 0o600 + (n % 64) : 0o2750 + (n % 8));
      utimesSync(raw, 1_500_000_000 + n, 1_500_000_000.25 + n);
    }
  };
  walk(directory);
}

describe('hostile names', () => {
  it('come back byte for byte with owner, mode and time, from snapshots with hostile names, and nothing is executed', async () => {
    for (const [index, snapshot] of SNAPSHOTS.entries()) {
      const from = world.snapshot(snapshot);
      const top = bytes(`d${index}-`, NAMES[index] ?? 'x').subarray(0, 255);
      for (const name of NAMES) world.write(from, bytes(top, '/sub/', name), bytes('content of ', name, snapshot));
    }
    for (const snapshot of SNAPSHOTS) age(world.snapshot(snapshot));
    const wanted: string[] = [];
    for (const [index, snapshot] of SNAPSHOTS.entries()) {
      const from = world.snapshot(snapshot);
      const top = bytes(`d${index}-`, NAMES[index] ?? 'x').subarray(0, 255);
      const at = { verdict: 'missing', from: snapshot } as const;
      world.wrong(top, at);
      world.wrong(bytes(top, '/sub'), at);
      for (const name of NAMES) world.wrong(bytes(top, '/sub/', name), at);
      wanted.push(...text(survey(from)));
    }
    const summary = await world.writeBundle();
    expect(summary.restored.files).toBe(NAMES.length * SNAPSHOTS.length);
    expect(summary.leftOut).toEqual({});

    const dry = world.restore([]);
    expect(dry.output).toContain('would be restored');
    expect(dry.code).toBe(0);
    expect(readdirSync(world.live)).toEqual([]);

    const ran = world.restore(['--apply']);
    expect(ran.output).not.toContain('\x1b');
    expect(ran.output).not.toContain('\x9b');
    expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
    expect(text(survey(world.live))).toEqual(
      [...wanted].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    expect(readdirSync(join(world.base, 'elsewhere'))).toEqual([]);
    expect(existsSync(join(world.live, 'x'))).toBe(false);

    const verified = await world.verify();
    expect(verified.counts.restored.files).toBe((NAMES.length + 2) * SNAPSHOTS.length);
    expect(verified.metadataDiffers).toBe(root ? 0 : verified.metadataDiffers);
    expect(verified.exit).toBe(0);

    // A second run finds everything there and changes nothing.
    const again = world.restore(['--apply']);
    expect(again.code).toBe(0);
    expect(text(survey(world.live))).toEqual(
      [...wanted].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
  });

  it.skipIf(!have('xxhsum'))(
    'stand in checksum files that the real xxhsum accepts, but for those with a line break',
    async () => {
      const from = world.snapshot('s1');
      for (const name of NAMES) {
        world.write(from, name, bytes('content of ', name));
        world.wrong(name, { verdict: 'missing', from: 's1' });
      }
      const summary = await world.writeBundle();
      const breaks = NAMES.filter((name) => name.includes(0x0a) || name.includes(0x0d)).length;
      expect(summary.notInXxh64).toBe(breaks);
      expect(world.restore(['--apply']).code).toBe(0);
      const checked = spawnSync('xxhsum', ['-c', join(world.bundle, 'lists/01.xxh64')], {
        cwd: world.live,
        encoding: 'latin1',
      });
      expect(checked.stderr).not.toMatch(/FAILED|improperly|WARNING/);
      expect(checked.status).toBe(0);
      expect(checked.stdout.match(/: OK$/gm)?.length).toBe(NAMES.length - breaks);
    },
  );

  it('cross to another host by rsync without a shell or a wildcard of that host taking part', async () => {
    // rsync's server expands wildcards: without care a snapshot called s[x] is read from sx.
    const decoys = ['sx', 'sab', 'q\\zx', 'qz[x]?'];
    for (const decoy of decoys) world.write(world.snapshot(decoy), 'sub/f', 'WRONG');
    for (const [index, snapshot] of SNAPSHOTS.entries()) {
      world.write(world.snapshot(snapshot), 'sub/f', `right ${index}`);
      world.write(world.snapshot(snapshot), `sub/g*${index}`, `also right ${index}`);
      world.write(world.snapshot(snapshot), `sub/gx${index}`, 'WRONG');
      mkdirSync(join(world.live, 'sub'), { recursive: true });
    }
    for (const [index, snapshot] of SNAPSHOTS.entries()) {
      world.wrong(`sub/f${index}`, { verdict: 'missing', from: snapshot, sourcePath: 'sub/f' });
      world.wrong(`sub/g*${index}`, { verdict: 'missing', from: snapshot });
    }
    await world.writeBundle();
    const shell = join(world.base, 'lsh');
    writeFileSync(
      shell,
      '#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in -l) shift 2 ;; -*) shift ;; *) break ;; esac; done\nshift\nexec sh -c "$*"\n',
      { mode: 0o755 },
    );
    const ran = world.restore(['--apply', '--source', 'host:'], { env: { RSYNC_RSH: shell } });
    expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
    for (const index of SNAPSHOTS.keys()) {
      expect(readFileSync(join(world.live, `sub/f${index}`), 'utf8')).toBe(`right ${index}`);
      expect(readFileSync(join(world.live, `sub/g*${index}`), 'utf8')).toBe(`also right ${index}`);
    }
    expect(readdirSync(join(world.base, 'elsewhere'))).toEqual([]);
  });
});

describe('symlinks', () => {
  it('come back with hostile targets, times and owners', async () => {
    const from = world.snapshot('s1');
    const targets = ['../../etc/passwd', '/', 'new\nline', '$(touch x)', 'x'.repeat(1000)];
    for (const [index, target] of targets.entries()) {
      symlinkSync(target, bytes(from, `/l${index}`));
      lutimesSync(bytes(from, `/l${index}`), 1_400_000_000, 1_400_000_000.5);
      world.wrong(`l${index}`, { verdict: 'missing', from: 's1' });
    }
    await world.writeBundle();
    expect(world.restore(['--apply']).code).toBe(0);
    expect(text(survey(world.live))).toEqual(text(survey(from)));
    expect((await world.verify()).exit).toBe(0);
  });
});
