// Bad input gets a clear error and the next step, before anything is scanned; guards end with 4, what cannot be right
// with 2.
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RollcallError } from '../../../domain/exit.ts';
import { encodeText, joinPath } from '../../../domain/path.ts';
import { workingDirectory } from '../../../services/process/working-directory.ts';
import { refuseStateInside } from '../../../services/typed/outside.ts';
import { type CheckedInputs, checkInputs, type InputRequest } from '../../../services/typed/inputs.ts';
import { Place } from './trees.ts';
import { program } from '../../support/programs.ts';
import { canMount, run } from '../../support/machine.ts';

let place: Place;
beforeEach(() => {
  place = new Place();
  place.write({
    'live/home/f': 'x',
    'live/srv/g': 'y',
    'b/2026-11-20/home/f': 'x',
    'b/2026-11-21/home/f': 'x',
    'b/2026-11-21/srv/g': 'y',
  });
});
afterEach(() => {
  place[Symbol.dispose]();
});

function check(request: Partial<InputRequest> = {}): Promise<CheckedInputs> {
  return checkInputs({
    live: 'live',
    backups: ['b/*'],
    outDir: 'out',
    stateDir: 'state',
    cwd: place.path,
    nowMs: Date.now(),
    tz: 'UTC',
    limit: null,
    crossMounts: false,
    newState: false,
    notGluster: false,
    bricksRescued: false,
    ...request,
  });
}

/** Exit code, message and next step of a refusal. */
async function refusal(request: Partial<InputRequest>): Promise<{ exit: number; text: string; next: string }> {
  try {
    await check(request);
  } catch (error) {
    if (!(error instanceof RollcallError)) throw error;
    return { exit: error.exit, text: error.message, next: error.next ?? '' };
  }
  throw new Error('it was accepted');
}

describe('what is asked of an assessment', () => {
  it('is accepted when it is right, with real paths however they were typed', async () => {
    symlinkSync('live', place.join('link'));
    writeFileSync(place.join('night.rollcall'), '');
    const checked = await check({ live: './link/', backups: ['b/*', './b//*', 'night.rollcall'] });
    expect(checked).toMatchObject({
      live: place.join('live'),
      outDir: place.join('out'),
      stateDir: place.join('state'),
      exports: [place.join('night.rollcall')],
    });
    expect(checked.series.map(({ snapshots }) => snapshots.map(({ name }) => name))).toEqual([
      ['2026-11-20', '2026-11-21'],
    ]);
    expect(checked.identity.rootInode).not.toBeNull();
    expect(readdirSync(place.path).sort()).toEqual(['b', 'link', 'live', 'night.rollcall']);
  });

  it('may do without a backup, and without an output directory', async () => {
    expect(await check({ backups: [], outDir: null, stateDir: null })).toMatchObject({ series: [], outDir: null });
  });

  it('names a live volume that exists, is a directory and no pattern', async () => {
    expect(await refusal({ live: 'liev' })).toEqual({
      exit: 2,
      text: `The live volume ${place.join('liev')} does not exist. ${place.path} exists and holds b, live.`,
      next: expect.stringContaining('findmnt'),
    });
    expect(await refusal({ live: 'live/home/f' })).toMatchObject({
      exit: 2,
      text: expect.stringContaining('not a directory'),
    });
    expect(await refusal({ live: 'liv*' })).toMatchObject({ exit: 2, text: expect.stringContaining('is a pattern') });
    place.write({ 'liv*/home/f': '' });
    expect((await check({ live: 'liv*' })).live).toBe(place.join('liv*'));
  });

  it('is stopped by a guard when the live volume is empty, but for lost+found, unless that is its new state', async () => {
    place.directory('empty', 'fresh/lost+found');
    expect(await refusal({ live: 'empty' })).toMatchObject({
      exit: 4,
      text: expect.stringContaining('An empty volume is not a loss'),
      next: expect.stringContaining('--new-state'),
    });
    expect(await refusal({ live: 'fresh' })).toMatchObject({
      exit: 4,
      text: expect.stringContaining('but for lost+found'),
    });
    expect((await check({ live: 'empty', newState: true })).live).toBe(place.join('empty'));
  });

  it('is refused for a live volume that this user may not read', async () => {
    chmodSync(place.join('live'), 0);
    if (process.geteuid?.() === 0) {
      chmodSync(place.path, 0o755);
      const answer = run(process.execPath, program('files/asked-child'), 'live as nobody', place.join('live'));
      expect(answer).toContain(`2 ${place.join('live')} may not be read by this user (EACCES: permission denied)`);
    } else {
      expect(await refusal({})).toMatchObject({ exit: 2, text: expect.stringContaining('may not be read') });
    }
    chmodSync(place.join('live'), 0o755);
  });

  it('shows what lies nearby when a pattern matches nothing, and why when all is left out', async () => {
    expect(await refusal({ backups: ['b/*/hoem'] })).toMatchObject({
      exit: 2,
      text: `The backup b/*/hoem matches nothing. ${place.join('b')} exists and holds 2026-11-20, 2026-11-21.`,
    });
    expect(await refusal({ backups: ['/none/such/*'] })).toMatchObject({
      text: expect.stringContaining('matches nothing. / exists and holds'),
    });
    expect(await refusal({ backups: ['bb'] })).toMatchObject({ text: expect.stringContaining('does not exist') });
    place.directory('e/2026-11-22', 'e/x.tmp');
    symlinkSync('2026-11-22', place.join('e/latest'));
    const { exit, text } = await refusal({ backups: ['e/*'] });
    expect(exit).toBe(2);
    expect(text.split('\n').map((line) => line.trim())).toEqual([
      'e/* names no finished snapshot:',
      `${place.join('e/2026-11-22')}: it is empty: not mounted, or not yet filled`,
      `${place.join('e/latest')}: it is a symbolic link to 2026-11-22`,
      `${place.join('e/x.tmp')}: its name ends like that of a backup in progress (x.tmp)`,
    ]);
  });

  it('is refused when one side holds the other, by components and through links', async () => {
    symlinkSync('b/2026-11-21', place.join('now'));
    expect((await refusal({ live: 'now' })).text).toContain('as the live volume and as a snapshot');
    expect((await refusal({ live: 'now/home' })).text).toContain('is inside the backup');
    expect((await refusal({ live: '.' })).text).toContain('holds the backup');
    place.write({ 'live2/home/f': '', 'live/.snapshots/1/home/f': '' });
    expect((await check({ live: 'live', backups: ['live2'] })).live).toBe(place.join('live'));
    expect(await refusal({ backups: ['live/.snapshots/*'] })).toMatchObject({
      exit: 2,
      text: expect.stringContaining('holds the backup'),
    });
  });

  it.runIf(canMount)(
    'lets snapshots lie where the file system itself shows them, and backups on a mount that is not entered',
    async () => {
      const volume = place.mount('tmpfs', 'v', 'v');
      place.write({ 'v/home/f': '', 'v/.snapshots/2026-11-21/home/f': '' });
      expect((await check({ live: volume, backups: ['v/.snapshots/*'] })).series).toHaveLength(1);
      place.mount('tmpfs', 'w', 'v/backup');
      place.write({ 'v/backup/2026-11-21/home/f': '' });
      expect(
        await check({ live: volume, backups: ['v/backup/*'], outDir: 'v/backup-out-is-inside' }).catch(
          (error: Error) => error.message,
        ),
      ).toContain('is inside the volume');
      expect((await check({ live: volume, backups: ['v/backup/*'] })).series).toHaveLength(1);
      expect((await refusal({ live: volume, backups: ['v/backup/*'], crossMounts: true })).text).toContain(
        'holds the backup',
      );
    },
  );

  it('is stopped by a guard when volume and backup share no name at the top, and told what would fit', async () => {
    place.write({ 'other/pictures/f': '' });
    const stranger = await refusal({ live: 'other' });
    expect(stranger).toMatchObject({
      exit: 4,
      text: expect.stringContaining('shares no top-level name'),
      next: expect.stringContaining('--new-state'),
    });
    expect(stranger.text).toContain('(pictures)');
    expect((await check({ live: 'other', newState: true })).live).toBe(place.join('other'));
    expect(await refusal({ live: 'live/home', outDir: null })).toMatchObject({
      exit: 4,
      next: `Names of the volume are in ${place.join('b/2026-11-21/home')}: end the pattern with /home, as in --backup '${place.join('b')}/*/home'.`,
    });
    expect((await refusal({ backups: ['b'] })).next).toContain(`--backup '${place.join('b')}/*'`);
  });

  it('goes on when an older snapshot shares a name with the volume: sixty per cent gone is what this is for', async () => {
    place.write({ 'b/2026-11-22/strange/f': '' });
    expect((await check()).series[0]?.snapshots).toHaveLength(3);
  });

  it('is refused when the output directory exists, or is inside a volume, or would pass for a snapshot', async () => {
    place.directory('there');
    symlinkSync('nowhere', place.join('dangling'));
    expect(await refusal({ outDir: 'there' })).toMatchObject({
      exit: 2,
      text: expect.stringContaining('exists already'),
    });
    expect((await refusal({ outDir: 'dangling' })).text).toContain('exists already');
    symlinkSync('live/home', place.join('into'));
    for (const outDir of ['live/out', 'live', 'into/a/b', 'b/2026-11-20/out']) {
      expect(await refusal({ outDir })).toMatchObject({
        exit: 2,
        text: expect.stringContaining('never writes inside a volume'),
      });
    }
    expect((await refusal({ stateDir: 'live/state' })).text).toContain('state directory');
    for (const outDir of ['b/out', 'b/out/deeper']) {
      expect((await refusal({ outDir })).text).toContain('would be taken for a snapshot');
    }
    expect((await check({ outDir: 'livelier' })).outDir).toBe(place.join('livelier'));
    mkdirSync(place.join('b2'));
    expect((await check({ outDir: 'b2/out', backups: ['b/2026*'] })).outDir).toBe(place.join('b2/out'));
  });

  it('survives hostile names on both sides', async () => {
    mkdirSync(place.join('li\nve'));
    writeFileSync(Buffer.concat([Buffer.from(place.join('li\nve/')), Buffer.from([0xff])]), '');
    run('cp', '-a', place.join('li\nve'), place.join('b/s\x1b[31m'));
    const checked = await check({ live: 'li\\x0ave', backups: ['b/s*'] });
    expect(checked.live).toBe(`${place.path}/li\\x0ave`);
    expect(workingDirectory()).toBe(encodeText(process.cwd()));
    expect(checked.series[0]?.snapshots[0]?.name).toBe('s\\x1b[31m');
    expect((await check({ live: 'li\nve', backups: ['b/s*'] })).live).toBe(checked.live);
    expect((await refusal({ live: 'li\nve', backups: ['b/2*'] })).text).toContain('(\\xff)');
  });
});

describe('what a slip of a script or a paste would do', () => {
  it.each([{ live: '' }, { backups: [''] }, { outDir: '' }])(
    'refuses an empty path instead of taking the current directory: %j',
    async (request) => {
      const { exit, text } = await refusal(request);
      expect(exit).toBe(2);
      expect(text).toMatch(/was given an empty path/);
    },
  );

  it('shows no newline and no escape sequence of a pattern on the terminal', async () => {
    const { text } = await refusal({ backups: ['b/no\nsuch\u001b[31m/*'] });
    expect(text).toContain('no\\x0asuch\\x1b[31m');
  });

  it('misses the directory that the bundle is to lie in before the work, not after it', async () => {
    const { exit, text } = await refusal({ outDir: 'nowhere/out' });
    expect(exit).toBe(2);
    expect(text).toMatch(/nowhere, where the output directory should be, does not exist/);
  });

  it('refuses a state directory in a volume, a snapshot or in place of one before it is made', async () => {
    const scope = { crossMounts: false, notGluster: false, bricksRescued: false };
    const refused = (stateDir: string): Promise<void> =>
      refuseStateInside({ ...scope, cwd: place.path, stateDir, trees: ['live'], patterns: ['b/*'] });
    for (const inside of ['live/state', 'live/a/b/state', 'b/2026-11-21/state', 'b/state'])
      await expect(refused(inside)).rejects.toThrow(/is inside the volume|taken for a snapshot/);
    await refused('state');
  });

  it('takes relative paths from a current directory with wildcards and a newline in its name', async () => {
    const odd = 'odd [1] *\n';
    place.write({ [`${odd}/live/f`]: 'x', [`${odd}/b/2026-11-21/f`]: 'x' });
    const cwd = joinPath(place.path, encodeText(odd));
    const checked = await check({ cwd });
    expect(checked.live).toBe(`${cwd}/live`);
    expect(checked.series[0]?.snapshots.map(({ path }) => path)).toEqual([`${cwd}/b/2026-11-21`]);
  });
});
