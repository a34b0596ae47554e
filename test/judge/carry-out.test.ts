import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { EXIT } from '../../domain/exit.ts';
import {
  type Answer,
  answerFromText,
  type Ask,
  askFromText,
  keyOf,
  type ReadAsk,
  toText,
} from '../../services/judge/asks.ts';
import { carryOut } from '../../services/judge/carry-out.ts';
import { refusal } from '../support/refusal.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rollcall-carry-out-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'd'));
  writeFileSync(join(root, 'd/f'), 'the right words');
});

const accepted = { notGluster: false, bricksRescued: false };

/** As it goes between hosts. */
async function told(...asks: readonly Ask[]): Promise<Answer[]> {
  const tools = { host: 'store', accepted, now: Date.now };
  const answers = await carryOut(
    asks.map((ask) => askFromText(toText(ask))),
    tools,
  );
  return answers.map((answer) => answerFromText(toText(answer)));
}

function readOf(path: string): ReadAsk {
  const { ino, size, mtimeNs } = statSync(join(root, path), { bigint: true });
  const mark = { rootInode: String(statSync(root, { bigint: true }).ino), rootBtimeNs: null };
  const expected = { size: Number(size), mtimeNs };
  expect(ino).toBeGreaterThan(0n);
  return { kind: 'read', host: 'store', root, mark, path, expected, known: [] };
}

test('a copy is read as the scan saw it, or not at all', async () => {
  const ask = readOf('d/f');
  const [first] = await told(ask);
  expect(first).toMatchObject({ kind: 'read', errno: null, bytes: 15, nlink: 1 });
  expect(typeof (first?.kind === 'read' ? first.xxh64 : null)).toBe('bigint');
  writeFileSync(join(root, 'd/f'), 'another content');
  utimesSync(join(root, 'd/f'), 1, 1);
  expect(await told(ask, { ...ask, path: 'd/none' }, { ...ask, path: 'd' })).toMatchObject([
    { errno: 'CHANGED', xxh64: null },
    { errno: 'ENOENT', xxh64: null },
    { errno: 'CHANGED', xxh64: null },
  ]);
});

test('another directory at the path of a root answers nothing', async () => {
  const ask = readOf('d/f');
  const { mark } = ask;
  renameSync(root, `${root}.old`);
  onTestFinished(() => rmSync(`${root}.old`, { recursive: true, force: true }));
  mkdirSync(root);
  const look: Ask = { kind: 'look', host: 'store', root, mark, path: 'd/f', seen: null };
  expect(await told(ask, look, { ...look, root: join(root, 'none') })).toMatchObject([
    { errno: 'ESTALE' },
    // Absence in another tree proves nothing.
    { outcome: 'no root' },
    { outcome: 'no root' },
  ]);
});

test('copies are read one after another until enough are, and a known inode is not read', async () => {
  for (const name of ['a', 'b', 'c', 'e']) writeFileSync(join(root, 'd', name), `content of ${name}`);
  const asks = ['d/a', 'd/b', 'd/c', 'd/e'].map(readOf);
  const [answer] = await told({ kind: 'copies', host: 'store', asks, readMax: 2 });
  const read = answer?.kind === 'copies' ? answer.read : [];
  expect(read.map(({ key }) => key)).toEqual(asks.slice(0, 2).map(keyOf));
  const [one] = read;
  const { inode = 0n, ctimeNs = 0n, xxh64 } = one?.answer ?? {};
  const known = [{ inode, ctimeNs, xxh64: xxh64 ?? 0n, zeroFrom: null }];
  expect(keyOf({ ...readOf('d/a'), known } as Ask)).toBe(one?.key);
  if (ctimeNs % 1_000_000_000n !== 0n)
    expect(await told({ ...readOf('d/a'), known })).toMatchObject([{ errno: null, bytes: 0, xxh64 }]);
});

test('what another host has is not looked for here', async () => {
  const error = await refusal(told({ ...readOf('d/f'), host: 'files' }));
  expect(error.exit).toBe(EXIT.failure);
  expect(() => askFromText('{"kind":"new in a later version"}')).toThrow('new in a later version');
});
