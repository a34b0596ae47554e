// A tree that moves while it is scanned: what exists the whole time is never called vanished.
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createHasher } from '../../services/files/hash.ts';
import { RollcallError } from '../../domain/exit.ts';
import { churn } from '../support/churn.ts';
import { hex } from '../../domain/digest.ts';
import { Catalog } from '../support/catalog.ts';
import { remove, truthOf, write } from '../support/tree.ts';

const catalog = await Catalog.forFile(2);

const MOVE = `
const fs = require('node:fs');
const [root, directories, files] = [process.argv[1], Number(process.argv[2]), Number(process.argv[3])];
const at = Array.from({ length: files }, (_, i) => i % directories);
let turn = 0;
process.stdout.write('ready');
(function step() {
  for (let n = 0; n < 20; n++) {
    const file = turn++ % files;
    const to = (at[file] + 1 + (turn % (directories - 1))) % directories;
    fs.renameSync(root + '/d' + at[file] + '/f' + file, root + '/d' + to + '/f' + file);
    at[file] = to;
  }
  setTimeout(step, 1);
})();
`;

test('files that are renamed all the time are never all gone: each scan has every file, or says that it is unsettled', async () => {
  const tree = catalog.directory();
  const [directories, files] = [12, 40];
  for (let d = 0; d < directories; d++) {
    mkdirSync(join(tree, `d${d}`));
    for (let i = 0; i < 30; i++) write(tree, { [`d${d}/still${i}`]: `${d} ${i}` });
  }
  for (let f = 0; f < files; f++) write(tree, { [`d${f % directories}/f${f}`]: `moving ${f}` });
  await catalog.scan(tree);
  const mover = await churn(MOVE, tree, String(directories), String(files));
  try {
    for (let round = 0; round < 5; round++) {
      const before = namesIn(await catalog.told(tree));
      await catalog.scan(tree);
      const after = namesIn(await catalog.told(tree));
      // A name under a gap still stands in the manifest, so that whatever was known before is there in some directory.
      for (const name of before) expect(after).toContain(name);
    }
  } finally {
    await mover.stop();
  }
  await catalog.scan(tree);
  const names = Object.keys(await catalog.told(tree)).filter((path) => /\/f\d+$/.test(path));
  expect(names).toHaveLength(files);
});

function namesIn(told: Readonly<Record<string, string>>): Set<string> {
  return new Set(
    Object.keys(told).flatMap((path) => (/\/f\d+$/.test(path) ? [path.slice(path.lastIndexOf('/') + 1)] : [])),
  );
}

const MOVE_DIRECTORY = `
const fs = require('node:fs');
const root = process.argv[1];
let inA = true;
process.stdout.write('ready');
(function step() {
  const [from, to] = inA ? ['a', 'z'] : ['z', 'a'];
  fs.renameSync(root + '/' + from + '/box', root + '/' + to + '/box');
  fs.writeFileSync(root + '/' + to + '/last', String(Date.now()));
  inA = !inA;
  setTimeout(step, 3);
})();
`;

test('a directory that is moved to and fro keeps what it holds, in one place or the other', async () => {
  const tree = catalog.directory();
  for (let i = 0; i < 40; i++) write(tree, { [`a/box/in/f${i}`]: `content ${i}`, [`m/x${i}/y`]: 'y' });
  write(tree, { 'a/last': '', 'z/last': '' });
  await catalog.scan(tree);
  const mover = await churn(MOVE_DIRECTORY, tree);
  try {
    for (let round = 0; round < 5; round++) {
      await catalog.scan(tree);
      const told = await catalog.told(tree);
      for (let i = 0; i < 40; i++) expect(told[`a/box/in/f${i}`] ?? told[`z/box/in/f${i}`]).toBeDefined();
    }
  } finally {
    await mover.stop();
  }
});

const APPEND = `
const fs = require('node:fs');
const root = process.argv[1];
process.stdout.write('ready');
(function step() {
  for (let i = 0; i < 8; i++) fs.appendFileSync(root + '/log' + i, 'a line that is written ' + Date.now() + '\\n');
  setTimeout(step, 0);
})();
`;

test('a file that grows while it is read is unsettled, or has the digest of its first bytes', async () => {
  const tree = catalog.directory();
  const hasher = await createHasher();
  for (let i = 0; i < 8; i++) write(tree, { [`log${i}`]: 'x'.repeat(2_000_000) });
  await catalog.scan(tree);
  const writer = await churn(APPEND, tree);
  try {
    for (let round = 0; round < 5; round++) {
      await catalog.scan(tree);
      const gaps = await catalog.gaps(tree);
      for (const gap of gaps) expect(gap).toMatch(/^\/log\d unsettled/);
      for (const [path, told] of Object.entries(await catalog.told(tree))) {
        const [, size, digest] = told.split(' ');
        const content = readFileSync(join(tree, path)).subarray(0, Number(size));
        expect(`${path} ${digest}`).toBe(`${path} ${hex(hasher.one(content))}`);
      }
    }
  } finally {
    await writer.stop();
  }
});

test('what was deleted while a tree was busy elsewhere is still called vanished', async () => {
  const tree = catalog.directory();
  write(tree, { 'a/f': 'f', 'b/g': 'g', 'c/h': 'h' });
  await catalog.scan(tree);
  remove(join(tree, 'a/f'));
  renameSync(join(tree, 'b/g'), join(tree, 'c/g'));
  expect(await catalog.scan(tree)).toMatchObject({ vanished: 2, found: 1, unknown: 0 });
  expect(await catalog.gaps(tree)).toEqual([]);
});

test('what vanished is unsettled where listing again failed for good, and is told as vanished by the next scan', async () => {
  const tree = catalog.directory();
  write(tree, { 'a/f': 'f', 'a/keep': 'k', 'b/deep/g': 'g', 'b/keep': 'k' });
  await catalog.scan(tree);
  remove(join(tree, 'a/f'), join(tree, 'b/deep'));
  await catalog.rows(
    `create function tired() returns trigger language plpgsql as 'begin new.attempts = 3; return new; end'`,
  );
  await catalog.rows(
    `create trigger tired before insert on shard for each row when (new.kind = 'relist') execute function tired()`,
  );
  try {
    expect(await catalog.scan(tree)).toMatchObject({ vanished: 0, unknown: 2, belowUnknown: 1 });
  } finally {
    await catalog.rows('drop function tired cascade');
  }
  expect(await catalog.gaps(tree)).toEqual(['a/f unsettled', 'b/deep unsettled']);
  expect(await catalog.scan(tree)).toMatchObject({ vanished: 2, belowGone: 1, gaps: 0 });
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
});

const RIOT = `
const fs = require('node:fs');
const root = process.argv[1];
let seed = Number(process.argv[2]);
const random = (below) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
const place = () => root + Array.from({ length: 1 + random(3) }, () => '/' + 'abcdefgh'[random(8)]).join('');
const acts = [
  () => fs.mkdirSync(place(), { recursive: true }),
  () => fs.writeFileSync(place(), 'x' + seed),
  () => fs.renameSync(place(), place()),
  () => fs.renameSync(place(), place()),
  () => fs.renameSync(place(), place()),
  () => fs.writeFileSync(place() + '/f', 'y'),
  () => random(4) === 0 && fs.rmSync(place(), { recursive: true, force: true }),
];
process.stdout.write('ready');
(function step() {
  for (let n = 0; n < 6; n++) {
    try {
      acts[random(acts.length)]();
    } catch {}
  }
  setTimeout(step, 2);
})();
`;

test.each([13, 7932, 15851])(
  'a tree in which everything is renamed, replaced and removed at random is scanned all the same, and once it rests, exactly (seed %i)',
  async (seed) => {
    const tree = catalog.directory();
    write(tree, { stays: 's' });
    for (const a of 'abcdefgh') {
      for (const b of 'abcdefgh') for (const c of 'abcd') write(tree, { [`${a}/${b}/${c}/f`]: a + b + c });
    }
    const rioter = await churn(RIOT, tree, String(seed));
    try {
      for (let round = 0; round < 6; round++) {
        const interrupt = new AbortController();
        if (round % 3 === 2) setTimeout(() => interrupt.abort(), 60);
        await catalog.scan(tree, {}, { signal: interrupt.signal }).catch((error: unknown) => {
          if (!(error instanceof RollcallError && error.exit === 130)) throw error;
        });
      }
    } finally {
      await rioter.stop();
    }
    await catalog.scan(tree);
    await catalog.scan(tree);
    expect(await catalog.told(tree)).toEqual(truthOf(tree));
    expect(await catalog.gaps(tree)).toEqual([]);
  },
);
