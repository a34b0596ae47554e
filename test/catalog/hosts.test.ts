// The same path on two hosts: what is typed means this host's volume, HOST:/path the other's, and never the wrong one.
import { expect, test } from 'vitest';
import { storeFindings } from '../../services/catalog/findings.ts';
import { recordTrouble } from '../../services/catalog/troubles.ts';
import { ensureVolume, type Volume } from '../../services/catalog/volumes.ts';
import { acceptFindings, findingsOf } from '../../services/findings.ts';
import { volumeNamed } from '../../services/typed/volume-named.ts';
import { databaseForFile } from '../support/postgres.ts';
import { refusal } from '../support/refusal.ts';

const { db } = await databaseForFile();
const PATH = '/srv/data';

function volumeOn(host: string): Promise<Volume> {
  const key = `tree:${host}:${PATH}`;
  return ensureVolume(db.pool, { role: 'live', layout: 'tree', key, name: PATH, host, path: PATH, nowMs: 1 });
}

const a = await volumeOn('a');
const b = await volumeOn('b');
for (const { id } of [a, b])
  await storeFindings(db.pool, {
    volumeId: id,
    nowMs: 1,
    rows: [
      {
        path: 'x',
        expected: 'e',
        observed: 'o',
        verdict: 'missing',
        recovery: null,
        detail: '{}',
        fromMs: null,
        toMs: null,
      },
    ],
    unknown: [],
    seen: [],
    spent: new Set(),
  });

test('the second one carries its host in its name', () => {
  expect([a.name, b.name]).toEqual([PATH, `${PATH} on b`]);
});

test.each([
  [PATH, 'a', 'a'],
  [PATH, 'b', 'b'],
  [`a:${PATH}`, 'b', 'a'],
  [`b:${PATH}`, 'a', 'b'],
  [`b:${PATH}`, 'c', 'b'],
  [`${PATH} on b`, 'a', 'b'],
])('%s, typed on %s, is the volume of %s', async (typed, host, meant) => {
  expect((await volumeNamed(db.pool, typed, { host, cwd: '/' })).host).toBe(meant);
});

test('on a third host the path is refused, and both are named; a host that has none of it has none', async () => {
  expect(await refusal(volumeNamed(db.pool, PATH, { host: 'c', cwd: '/' }))).toMatchObject({
    message: `${PATH} may mean a:${PATH}, or b:${PATH}.`,
    next: expect.stringContaining('HOST:/PATH'),
  });
  expect(await refusal(volumeNamed(db.pool, `c:${PATH}`, { host: 'a', cwd: '/' }))).toMatchObject({
    message: `There is no volume c:${PATH}.`,
  });
});

test('findings below a path, and their acceptance, are of this host', async () => {
  const filter = { volume: null, state: 'open', verdicts: [], path: `${PATH}/x`, cwd: '/' } as const;
  const found = async (host: string): Promise<string[]> =>
    (await findingsOf(db, { ...filter, host })).map(({ volume }) => volume);
  expect(await found('a')).toEqual([PATH]);
  expect(await found('b')).toEqual([`${PATH} on b`]);
  const accept = (host: string, typed: string): Promise<readonly { readonly volume: string }[]> =>
    acceptFindings(db, { findings: [typed], volume: null, host, cwd: '/', reason: 'meant', actor: 'jo', nowMs: 2 });
  expect((await refusal(accept('c', `${PATH}/x`)))?.message).toContain('may mean');
  expect((await accept('b', `${PATH}/x`)).map(({ volume }) => volume)).toEqual([`${PATH} on b`]);
  expect([await found('a'), await found('b')]).toEqual([[PATH], []]);
  expect((await accept('b', `a:${PATH}/x`)).map(({ volume }) => volume)).toEqual([PATH]);
});

test('what stopped an audit is kept with the volume of its host', async () => {
  const trouble = { atMs: 1, exit: 2, message: 'm', next: null } as const;
  await recordTrouble(db.pool, { host: 'b', paths: [PATH] }, trouble);
  const kept = await db.pool.query('select id from volume where trouble is not null');
  expect(kept.rows).toEqual([{ id: b.id }]);
});
