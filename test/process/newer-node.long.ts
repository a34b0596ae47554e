// People run a newer Node than the floor: the demo, a scan, a fault and the code cache are played by this checkout on
// each of them. npm brings their binaries. The build, the system calls and the packages are those of all other tests.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { REPOSITORY } from '../support/programs.ts';

const VERSIONS = [22, 24, 26];
const SHORT = [
  'test/process/code-cache.test.ts',
  'test/faults/names.test.ts',
  'test/scan/incremental.test.ts',
  'test/files/directory.test.ts',
];
const LONG = ['test/demo/played.long.ts'];

const place = mkdtempSync(join(tmpdir(), 'rollcall-node-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** @returns the program, or why npm could not bring it */
function install(version: number): { readonly node: string } | { readonly lacks: string } {
  const prefix = join(place, String(version));
  const name = `node-linux-${process.arch}`;
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', prefix];
  const { status, stderr, error } = spawnSync('npm', ['install', ...options, `${name}@${version}`], {
    encoding: 'utf8',
    timeout: 240_000,
  });
  if (status !== 0) return { lacks: error?.message ?? stderr.split('\n')[0] ?? '' };
  return { node: join(prefix, 'node_modules', name, 'bin/node') };
}

/** What the tests of these files say on that Node. */
async function play(node: string, mode: readonly string[], files: readonly string[]): Promise<string> {
  const vitest = join(REPOSITORY, 'node_modules/vitest/vitest.mjs');
  const child = spawn(node, [vitest, 'run', ...mode, ...files, '--maxWorkers=1'], {
    cwd: REPOSITORY,
    // Nothing that the run around it has put there.
    env: { PATH: `${dirname(node)}${delimiter}${process.env['PATH']}`, HOME: process.env['HOME'], NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill());
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code, said).toBe(0);
  return said;
}

test.for(VERSIONS)(
  'on Node %i the demo, a scan and a fault are as on the oldest that is supported',
  async (version, context) => {
    const installed = install(version);
    if ('lacks' in installed) return context.skip(`npm cannot bring Node ${version}: ${installed.lacks}`);
    const { stdout } = spawnSync(installed.node, ['--version'], { encoding: 'utf8' });
    expect(stdout).toMatch(new RegExp(`^v${version}\\.`));
    for (const said of [await play(installed.node, [], SHORT), await play(installed.node, ['--mode', 'long'], LONG)])
      expect(said).toMatch(/Test Files +\d+ passed/);
  },
);
