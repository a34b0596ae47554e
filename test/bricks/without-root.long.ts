// Bricks without root: a user who is none may not believe what he cannot see, and the suite of worlds runs as one in a
// user namespace, on bricks whose attributes are those of users.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RollcallError } from '../../domain/exit.ts';
import { checkLive } from '../../services/typed/inputs.ts';
import { BrickVolume, setsTrusted } from '../support/brick-volume.ts';
import { have } from '../support/machine.ts';
import { runs } from '../support/processes.ts';
import { program } from '../support/programs.ts';
import { temporaryDirectory } from '../support/tree.ts';
import type { JudgedWorld } from './judged-world.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

test.skipIf(!setsTrusted)('a user who cannot see the attributes of a brick is refused (root and attr needed)', () => {
  const base = temporaryDirectory('rollcall-nobody-');
  chmodSync(base, 0o755);
  const made = new BrickVolume(base, 2);
  made.file('a', 'content');
  made.settle();
  const request = { cwd: '/', crossMounts: false, notGluster: false, bricksRescued: false, newState: false };
  expect(checkLive(made.live, request).names).toEqual(['a']);
  let refused: unknown = null;
  process.seteuid?.(NOBODY);
  try {
    checkLive(made.live, request);
  } catch (error) {
    refused = error;
  } finally {
    process.seteuid?.(0);
  }
  expect(refused).toBeInstanceOf(RollcallError);
  const { exit, message, next } = refused as RollcallError;
  expect([exit, message]).toEqual([4, expect.stringContaining('its attributes cannot be read')]);
  expect(next).toContain('only CAP_SYS_ADMIN sees');
});

/** As nobody where this is root: with capabilities in a namespace of its own alone. */
const AS_USER = isRoot ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
const NAMESPACE = ['unshare', '--user', '--map-root-user'];
const canEnter =
  have('setfattr') &&
  have('getfattr') &&
  (!isRoot || have('setpriv')) &&
  (await runs([...AS_USER, ...NAMESPACE, 'true'])).status === 0;

describe.skipIf(!canEnter)('bricks as a user without root (user namespaces and attr needed)', () => {
  test('every name has the verdict of its state, and nothing on a brick is changed', async () => {
    const base = temporaryDirectory('rollcall-user-');
    chmodSync(base, 0o755);
    const place = join(base, 'own');
    mkdirSync(place);
    if (isRoot) chownSync(place, NOBODY, NOBODY);
    const [first, ...rest] = [...AS_USER, process.execPath, program('bricks/user-child'), place];
    const env = { PATH: process.env['PATH'] ?? '', HOME: place };
    const child = spawn(first, rest, { env, cwd: place, stdio: ['pipe', 'pipe', 'pipe'] });
    // It ends with its input, and its database with it.
    onTestFinished(() => void child.stdin.end());
    const ended = once(child, 'close');
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect([(await ended)[0], stderr]).toEqual([0, '']);
    const worlds = JSON.parse(stdout) as readonly JudgedWorld[];
    expect(worlds).toHaveLength(2);
    for (const { told, expected, hidden, isAsBefore, rescue } of worlds) {
      expect(told).toEqual(expected);
      expect(hidden.before).toBeGreaterThan(0);
      expect(hidden.after).toBe(hidden.before);
      expect(isAsBefore).toBe(true);
      expect(rescue).toMatchObject({ status: 0, stderr: '', wrong: [] });
    }
  }, 180_000);
});
