// Fault catalogue, a directory of a million names: each accounted for, in bounded memory, and a second scan reads
// nothing. A million takes minutes: ROLLCALL_TEST_NAMES=1000000 npm run test:long; without it more names than two
// chunks hold.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, realpathSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AssessOrder, AssessTold } from './assess-child.ts';
import { program } from '../support/programs.ts';
import { Catalog } from '../support/catalog.ts';
import { write } from '../support/tree.ts';

const NAMES = Number(process.env['ROLLCALL_TEST_NAMES'] ?? 120_000);
const LOST = 100;
/**
 * Measured with one thread (2026-11-25, 2 busy cores): 120,000 names, scans 241 to 253 MB, the assessment 316 MB;
 * 1,000,000 names in 6 min 16 s, the first scan 496 MB, the next ones 355 MB, the assessment 429 MB.
 */
const SCAN_RSS_KB_MAX = 600_000;
const ASSESS_RSS_KB_MAX = 700_000;

const catalog = await Catalog.forFile(2);

/** What a child of this test says on standard output. */
async function child(name: 'scan/child' | 'faults/assess-child', order: object): Promise<string> {
  const ran = spawn(process.execPath, [program(name), JSON.stringify(order)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let out = '';
  ran.stdout.on('data', (data) => (out += String(data)));
  const code = await new Promise((resolve) => ran.once('close', resolve));
  expect(code, out).toBe(0);
  return out;
}

test(`a directory of ${NAMES} names is scanned, scanned again without a byte read, and judged, in bounded memory; every name is accounted for`, async () => {
  const tree = catalog.directory();
  mkdirSync(join(tree, 'million'));
  write(tree, { 'beside/f': 'f', 'million/sub/f': 'below' });
  for (let i = 0; i < NAMES; i++) closeSync(openSync(join(tree, `million/name ${i}`), 'w'));
  // In whole seconds, so that they can be set back: what is lost below is lost silently.
  const madeS = Math.floor(Date.now() / 1000) - 86_400;
  utimesSync(join(tree, 'million'), madeS, madeS);
  const known = NAMES + 5;
  const order = { address: catalog.address, path: tree, threads: 1 };
  const totals = async (): Promise<Record<string, unknown>> => {
    const [newest] = await catalog.rows(`select totals from scan where state = 'complete' order by seq desc limit 1`);
    return newest?.['totals'] as Record<string, unknown>;
  };
  const rss = (out: string): number => Number(/complete (\d+)/.exec(out)?.[1]);

  const first = rss(await child('scan/child', order));
  expect(await totals()).toMatchObject({ found: known, visited: known, files: NAMES + 2, unknown: 0 });
  const second = rss(await child('scan/child', order));
  // The two files with content were racy when they were read.
  expect(await totals()).toMatchObject({ seen: known, found: 0, vanished: 0, unknown: 0 });
  const third = rss(await child('scan/child', order));
  expect(await totals()).toMatchObject({ seen: known, filesRead: 0, bytesRead: 0 });

  for (let i = 0; i < LOST; i++) rmSync(join(tree, `million/name ${i * 997}`));
  utimesSync(join(tree, 'million'), madeS, madeS);
  const cwd = realpathSync(mkdtempSync(join(catalog.directory(), 'bundle-')));
  const assess: AssessOrder = { address: catalog.address, live: tree, backup: null, cwd, offsetMs: 0 };
  const told = JSON.parse(await child('faults/assess-child', assess)) as AssessTold;
  expect(told).toMatchObject({ exit: 1, intact: NAMES + 2 - LOST });
  expect(Object.values(told.findings).filter((finding) => finding === 'missing none')).toHaveLength(LOST);
  for (const kb of [first, second, third]) expect(kb).toBeLessThan(SCAN_RSS_KB_MAX);
  expect(told.rssKb).toBeLessThan(ASSESS_RSS_KB_MAX);
});
