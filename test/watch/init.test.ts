// rollcall init on real trees: what it finds is what a person would have typed, and the file that it writes is right.
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXIT } from '../../domain/exit.ts';
import type { Configuration } from '../../domain/watch/configuration.ts';
import { init } from '../../services/init.ts';
import { parseConfiguration } from '../../services/watch/config/configuration-file.ts';
import { canFuse, openFuse, PLAIN } from '../support/fuse.ts';
import { refusal } from '../support/refusal.ts';
import { temporaryDirectory } from '../support/tree.ts';

const NOW = Date.parse('2026-11-30T10:00:00Z');

/** A live tree, and copies of it: each name is a directory below 'backup'. */
function school(...copies: readonly string[]): string {
  const base = temporaryDirectory('rollcall-init-');
  for (const name of ['home', 'office']) mkdirSync(join(base, 'srv/school', name), { recursive: true });
  for (const name of ['home/a', 'office/b']) writeFileSync(join(base, 'srv/school', name), name);
  mkdirSync(join(base, 'backup'));
  for (const copy of copies) cpSync(join(base, 'srv/school'), join(base, 'backup', copy), { recursive: true });
  return base;
}

async function made(
  cwd: string,
  backups: readonly string[],
  changes: Partial<Parameters<typeof init>[0]> = {},
): Promise<{ readonly text: string; readonly configuration: Configuration; readonly pattern: string | undefined }> {
  const here = { host: 'files', timeZone: 'Europe/Berlin' };
  const { text } = await init({
    ...here,
    live: 'srv/school',
    backups,
    cwd,
    nowMs: NOW,
    notGluster: false,
    bricksRescued: false,
    out: '-',
    ...changes,
  });
  const parsed = parseConfiguration(Buffer.from(text), here);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const pattern = parsed.configuration.backups[0]?.pattern;
  return { text, configuration: parsed.configuration, pattern: pattern?.replace(cwd, '') };
}

test('a directory that holds the snapshots is their series, down to where the live files stand', async () => {
  const days = ['2026-11-26', '2026-11-27', '2026-11-28', '2026-11-29'];
  const base = school(...days.map((day) => `${day}/localhost/srv/school`));
  symlinkSync('2026-11-29', join(base, 'backup/latest'));
  const { text, configuration, pattern } = await made(base, ['backup']);
  expect(pattern).toBe('/backup/*/localhost/srv/school');
  expect(configuration).toMatchObject({
    timeZone: 'Europe/Berlin',
    volumes: [
      {
        name: 'school',
        host: 'files',
        path: join(base, 'srv/school'),
        backups: ['school-backup'],
        quick: { everyMs: 86_400_000 },
        scrub: { withinDays: 30 },
      },
    ],
    backups: [{ name: 'school-backup', host: 'files', look: { everyMs: 3_600_000 } }],
  });
  expect(text).toContain('4 snapshots, ');
  expect(text).toContain('usually 24 hours apart');
  expect(text).toContain('On the same file system as the live volume');
  // Every line of comments fits a screen.
  expect(text.split('\n').filter((line) => line.length > 120 && line.trimStart().startsWith('#'))).toEqual([]);

  // Beside other directories, the names of snapshots alone; and what is not finished is said.
  mkdirSync(join(base, 'backup/logs/home'), { recursive: true });
  expect((await made(base, ['backup'])).pattern).toBe('/backup/20*/localhost/srv/school');
});

test.each([
  ['a quoted pattern', ['backup/20*'], '/backup/20*'],
  ['words that the shell made of a pattern', ['backup/2026-11-28', 'backup/2026-11-29'], '/backup/*'],
  ['one snapshot', ['backup/2026-11-29'], '/backup/2026-11-29'],
  ['the directory', ['backup'], '/backup/*'],
])('a series is found from %s', async (_what, typed, pattern) => {
  const base = school('2026-11-28', '2026-11-29');
  expect((await made(base, typed)).pattern).toBe(pattern);
});

test('numbered snapshots, a mirror, brackets in names, and several backups', async () => {
  const numbered = school('daily.0', 'daily.1', 'daily.2');
  expect(await made(numbered, ['backup'])).toMatchObject({
    pattern: '/backup/*',
    text: expect.stringContaining('the times are estimated'),
  });
  const mirror = school('2026', '.');
  expect((await made(mirror, ['backup'])).pattern).toBe('/backup');
  const odd = school('[old]/2026-11-28', '[old]/2026-11-29', 'x y: #1/2026-11-28', 'x y: #1/2026-11-29');
  const { configuration } = await made(odd, ['backup/[old]', 'backup/x y: #1']);
  expect(configuration.backups.map(({ name, pattern }) => [name, pattern.replace(odd, '')])).toEqual([
    ['school-backup', String.raw`/backup/\[old\]/*`],
    ['school-backup-2', '/backup/x y: #1/*'],
  ]);
  expect(configuration.volumes[0]?.backups).toEqual(['school-backup', 'school-backup-2']);
});

test('what is on another host is written as it was typed, and not looked at', async () => {
  const base = school();
  const { configuration, text } = await made(base, ['vault:/backup/*/data']);
  expect(configuration.backups).toMatchObject([{ host: 'vault', pattern: '/backup/*/data' }]);
  expect(text).toContain('Not looked at: it is on vault');
  const away = await made(base, ['vault:/backup/*'], { live: 'srv-1:/srv/Schüler 10b' });
  expect(away.configuration.volumes).toMatchObject([{ name: 'Schu-ler-10b', host: 'srv-1', path: '/srv/Schüler 10b' }]);
  expect((await refusal(made(base, ['vault:backup/*'], { live: 'srv-1:srv' }))).message).toBeTruthy();
});

test('without a backup the file says so', async () => {
  const { text, configuration } = await made(school(), []);
  expect(configuration).toMatchObject({ volumes: [{ backups: [] }], backups: [] });
  expect(text).toContain('nothing can be restored');
});

test('nothing is written over, or into a volume or its backup', async () => {
  const base = school('2026-11-28', '2026-11-29');
  const out = join(base, 'rollcall.yaml');
  await made(base, ['backup'], { out });
  const before = readFileSync(out, 'utf8');
  expect((await refusal(made(base, ['backup'], { out }))).message).toContain('exists already');
  expect(readFileSync(out, 'utf8')).toBe(before);
  for (const place of ['srv/school/rollcall.yaml', 'backup/2026-11-30', 'backup/2026-11-28/rollcall.yaml']) {
    expect((await refusal(made(base, ['backup'], { out: join(base, place) }))).exit).toBe(EXIT.failure);
    expect(existsSync(join(base, place))).toBe(false);
  }
});

test('a typing error, an empty volume, and a backup of something else are refused', async () => {
  const base = school('2026-11-28', '2026-11-29');
  expect((await refusal(made(base, ['backup'], { live: 'srv/scool' }))).message).toContain('holds school');
  mkdirSync(join(base, 'empty'));
  expect((await refusal(made(base, ['backup'], { live: 'empty' }))).exit).toBe(EXIT.guard);
  const swapped = await refusal(made(base, ['srv/school'], { live: 'backup/2026-11-29' }));
  expect([swapped.exit, swapped.message]).toEqual([EXIT.guard, expect.stringContaining('swapped')]);
  mkdirSync(join(base, 'other/2026-11-28/x'), { recursive: true });
  mkdirSync(join(base, 'other/2026-11-29/x'), { recursive: true });
  expect((await refusal(made(base, ['other']))).message).toContain('Nothing at the top of the live volume');
  expect((await refusal(made(base, ['srv/school']))).message).toContain('named as the live volume');
});

test.skipIf(!canFuse)('on a GlusterFS mount nothing is touched (skipped without FUSE)', async () => {
  const base = school('2026-11-28', '2026-11-29');
  const old = new Date(NOW);
  utimesSync(join(base, 'backup'), old, old);
  const served = await openFuse(base, PLAIN, 'ro', join(base, 'mnt/gv'), 'glusterfs');
  try {
    served.said();
    symlinkSync('mnt/gv', join(base, 'link'));
    symlinkSync('../../mnt/gv', join(base, 'backup/2026-11-29/deep'));
    for (const live of ['mnt/gv', 'link', 'link/home'])
      expect((await refusal(made(base, ['backup'], { live }))).exit).toBe(EXIT.guard);
    for (const backup of ['mnt/gv', 'link', 'mnt/*/home', 'mnt/gv/2026-*'])
      expect((await refusal(made(base, [backup]))).exit).toBe(EXIT.guard);
    expect((await made(base, ['backup'])).pattern).toBe('/backup/*');
    expect(served.said()).toEqual([]);
  } finally {
    await served.close();
  }
});

test('the lines about bundles and hooks do as they are, once "# " is removed from each', async () => {
  const { text } = await made(school('2026-11-28', '2026-11-29'), ['backup']);
  const [before = '', hooks = ''] = text.split(/^(?=# hooks:)/m);
  const used = hooks.replaceAll(/^# (?!One message)/gm, '');
  const bundled = before.replace(/^# bundles/m, 'bundles');
  const parsed = parseConfiguration(Buffer.from(bundled + used), { host: 'files', timeZone: 'UTC' });
  expect(parsed).toMatchObject({
    configuration: {
      bundles: { directory: '/var/lib/rollcall/bundles' },
      hooks: [{ name: 'admins' }],
      digest: { hooks: ['admins'] },
    },
  });
});
