// What tests start as processes and threads: the product as `npm run build` makes it, and programs of the tests' own.
// Both are built once, before the first test, of the sources under test: a child then starts in the time of node,
// without a compiler in it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** The command line, for node. */
export const CLI = join(REPOSITORY, 'dist/cli.cjs');

/** One level deep, as dist is: what is built finds the rest of the checkout one level above itself. */
const BUILT = join(REPOSITORY, 'dist-test');

/** Below test/. Each becomes a file of its own, and finds its packages where npm has put them. */
const PROGRAMS = [
  'bricks/user-child',
  'embedded/holder',
  'faults/assess-child',
  'faults/verify-child',
  'files/asked-child',
  'process/hasty-child',
  'process/idle-child',
  'process/paced-child',
  'queue/worker-child',
  'scan/child',
  'support/fuse-server',
  'watch/serve-child',
] as const;

/** @returns a file for node, which a test may also run in a checkout that is mounted elsewhere */
export function program(name: (typeof PROGRAMS)[number], repository = REPOSITORY): string {
  return join(repository, 'dist-test', `${fileOf(name)}.mjs`);
}

function fileOf(name: string): string {
  return name.replaceAll('/', '-');
}

/** Builds both. Two runs in one checkout may do it at once: each file appears whole. */
export async function buildPrograms(): Promise<void> {
  const { status, stderr } = spawnSync(process.execPath, [join(REPOSITORY, 'build.mjs')], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the build failed: ${stderr}`);
  const { outputFiles } = await build({
    absWorkingDir: REPOSITORY,
    entryPoints: Object.fromEntries(PROGRAMS.map((name) => [fileOf(name), `test/${name}.ts`])),
    outdir: BUILT,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'warning',
  });
  mkdirSync(BUILT, { recursive: true });
  for (const { path, contents } of outputFiles) {
    writeFileSync(`${path}.${process.pid}`, contents);
    renameSync(`${path}.${process.pid}`, path);
  }
}
