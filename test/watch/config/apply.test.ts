// What apply does to the catalog: takes over volumes that commands made, retires and deletes nothing, and of two at
// once each applies whole.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXIT, RollcallError } from '../../../domain/exit.ts';
import { apply, type Applied, keptConfiguration, readConfigurationFile } from '../../../services/apply.ts';
import { rename } from '../../../services/hosts.ts';
import { pause, pauses, resume } from '../../../services/pause.ts';
import { ensureVolume, listVolumes } from '../../../services/catalog/volumes.ts';
import { databaseForFile } from '../../support/postgres.ts';
import { refusal } from '../../support/refusal.ts';
import { temporaryDirectory } from '../../support/tree.ts';
import { configuration, HERE, small } from './school.ts';

const { db } = await databaseForFile();
const rows = async (): Promise<number> => (await db.pool.query('select from configuration')).rowCount ?? 0;

function applied(text: string, check = false): Promise<Applied> {
  return apply(db, { configuration: configuration(text), check, here: HERE, actor: 'jo', nowMs: 1000 });
}
const told = ({ changes }: Applied): (string | null)[][] =>
  changes.map(({ change, what, name, adopts, renamedFrom }) => [change, what, name, adopts, renamedFrom]);

test('check changes nothing; volumes of commands are taken over, renamed ones stay, retired ones are not deleted', async () => {
  const tree = { role: 'live', layout: 'tree', host: 'files', nowMs: 1 } as const;
  await ensureVolume(db.pool, { ...tree, key: 'tree:files:/srv/school', name: '/srv/school', path: '/srv/school' });
  await ensureVolume(db.pool, { ...tree, key: 'tree:files:/srv/own', name: '/srv/own', path: '/srv/own' });
  const volumes = await listVolumes(db.pool);

  const seen = await applied(small(), true);
  expect([seen.applied, await rows(), await keptConfiguration(db.pool)]).toEqual([false, 0, null]);
  expect(told(seen).slice(0, 2)).toEqual([
    ['new', 'volume', 'school', '/srv/school', null],
    ['new', 'backup', 'nightly', null, null],
  ]);
  expect(seen.notes).toContain('No worker runs on vault: start rollcall worker there.');
  const first = await applied(small());
  expect([first.applied, first.changes]).toEqual([true, seen.changes]);
  expect(await keptConfiguration(db.pool)).toEqual({ document: configuration(small()), actor: 'jo', appliedMs: 1000 });

  const again = await applied(small());
  expect([again.applied, again.changes, await rows()]).toEqual([false, [], 1]);
  // Known to be watched already: nothing is taken over.
  const renamed = await applied(small().replace('school:', 'pupils:'));
  expect(told(renamed)).toEqual([
    ['new', 'volume', 'pupils', null, 'school'],
    ['retired', 'volume', 'school', null, null],
  ]);
  expect(told(await applied('volumes: {}\n'))).toEqual([
    ['retired', 'volume', 'pupils', null, null],
    ['retired', 'backup', 'nightly', null, null],
  ]);
  expect(await listVolumes(db.pool)).toEqual(volumes);
  const log = await db.pool.query<{ subject: string }>('select subject from audit_log order by id desc limit 1');
  expect(log.rows).toEqual([{ subject: 'retired: pupils, nightly' }]);
});

test('a host that has another name has it in the configuration, too, and no name of a volume', async () => {
  const alarms = 'hooks: { a: { type: command, program: p } }\nalarms: [{ subjects: [files, school], hooks: [a] }]\n';
  await applied(small(alarms));
  const renaming = { from: 'files', reason: 'new hardware', actor: 'jo', nowMs: 2000 };
  expect((await refusal(rename(db, { ...renaming, to: 'school' }))).exit).toBe(EXIT.guard);
  expect(await rename(db, { ...renaming, to: 'store' })).toMatchObject({ inConfiguration: true });
  const held = (await keptConfiguration(db.pool))?.document;
  expect(held).toMatchObject({ volumes: [{ host: 'store' }], backups: [{ host: 'vault' }] });
  expect(held?.alarms).toMatchObject([{ subjects: ['store', 'school'] }]);
  // The file says otherwise until somebody changes it: that is seen.
  expect((await applied(small(alarms), true)).changes).toMatchObject([
    { name: 'school', fields: [{ field: 'host', before: 'store', after: 'files' }] },
    { what: 'alarms' },
  ]);
});

test('two at once: the same file is applied once, different ones one after the other', async () => {
  await applied('volumes: {}\n');
  const before = await rows();
  const same = await Promise.all([1, 2, 3, 4].map(() => applied(small())));
  expect(same.filter((one) => one.applied)).toHaveLength(1);
  expect(await rows()).toBe(before + 1);
  const other = small().replace('/srv/school', '/srv/other');
  const two = await Promise.all([applied(other), applied('volumes: {}\n')]);
  expect(two.map((one) => one.applied)).toEqual([true, true]);
  // Each says what it changed of what the other left.
  const lengths = two.map(({ changes }) => changes.length).sort((a, b) => a - b);
  const last = (await keptConfiguration(db.pool))?.document;
  expect([configuration(other), configuration('volumes: {}\n')]).toContainEqual(last);
  expect(lengths).toEqual(last?.volumes.length === 0 ? [1, 2] : [2, 2]);
});

test('a file that others can write is refused, before it is read; what is no file is said', () => {
  const base = temporaryDirectory('rollcall-apply-');
  const file = join(base, 'rollcall.yaml');
  writeFileSync(file, 'no: yaml: at: all');
  chmodSync(file, 0o646);
  const refused = (path: string): RollcallError => {
    try {
      readConfigurationFile(path, HERE);
    } catch (error) {
      if (error instanceof RollcallError) return error;
    }
    throw new Error('it was not refused');
  };
  expect(refused(file)).toMatchObject({ exit: EXIT.guard, next: expect.stringContaining('chmod o-w') });
  expect(refused(base).message).toContain('directory');
  expect(refused(join(base, 'none')).message).toContain('ENOENT');
  chmodSync(file, 0o664);
  expect(readConfigurationFile(file, HERE)).toMatchObject({ notes: [expect.stringContaining('its group')] });
});

test('places on this host are looked at: a symbolic link is refused, and what is not there is said', () => {
  const base = temporaryDirectory('rollcall-apply-');
  mkdirSync(join(base, 'data'));
  symlinkSync('data', join(base, 'link'));
  const read = (path: string): ReturnType<typeof readConfigurationFile> => {
    const file = join(base, 'rollcall.yaml');
    writeFileSync(file, `volumes:\n  a: { path: ${base}/${path}, backups: [] }\n`, { mode: 0o644 });
    return readConfigurationFile(file, HERE);
  };
  expect(read('data')).toMatchObject({ notes: [] });
  expect(read('none')).toMatchObject({ notes: [`a: ${base}/none does not exist on files now.`] });
  writeFileSync(
    join(base, 'rollcall.yaml'),
    `volumes:\n  a: { path: ${base}/data, backups: [b] }\nbackups:\n  b: { pattern: "${base}/data/old/*" }\n`,
  );
  expect(readConfigurationFile(join(base, 'rollcall.yaml'), HERE)).toMatchObject({
    problems: [{ line: 4, message: expect.stringContaining('inside the live volume a') }],
  });
  expect(read('link')).toMatchObject({
    problems: [
      {
        line: 2,
        column: 14,
        field: 'volumes.a.path',
        message: `a symbolic link is on the way; write where it leads: ${base}/data`,
      },
    ],
  });
});

test('a pause is of what is watched, ends by itself, can be ended, and is in the log', async () => {
  await applied(small());
  const nowMs = Date.parse('2026-11-30T10:00:00Z');
  const said = { subject: 'school', reason: 'the rack moves', actor: 'jo', nowMs } as const;
  expect(await pause(db, { ...said, until: '2h' })).toBe(nowMs + 7_200_000);
  await pause(db, { ...said, subject: null, until: '30m' });
  const held = async (atMs: number): Promise<(string | null)[]> =>
    (await pauses(db.pool, atMs)).map(({ subject }) => subject);
  expect(await held(nowMs)).toEqual(['school', null]);
  expect(await held(nowMs + 1_800_000)).toEqual(['school']);
  expect(await held(nowMs + 7_200_000)).toEqual([]);
  await resume(db, { ...said, nowMs: nowMs + 1 });
  expect(await held(nowMs + 1)).toEqual([null]);
  expect((await refusal(resume(db, { ...said, nowMs: nowMs + 2 }))).next).toBe('Paused: --all.');
  expect((await refusal(pause(db, { ...said, subject: 'scool', until: '2h' }))).message).toContain(
    'did you mean school?',
  );
  expect((await refusal(pause(db, { ...said, until: 'yesterday' }))).message).toContain('not understood');
  expect((await refusal(pause(db, { ...said, reason: ' ', until: '2h' }))).message).toContain('reason');
  const log = await db.pool.query<{ action: string; subject: string; reason: string }>(
    `select action, subject, reason from audit_log where action like '%pause%' order by id`,
  );
  expect(log.rows.map(({ action, subject }) => `${action}: ${subject}`)).toEqual([
    'paused: school until 2026-11-30T12:00:00.000Z',
    'paused: everything until 2026-11-30T10:30:00.000Z',
    'pause ended: school',
  ]);
});
