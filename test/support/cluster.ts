// Before the first test file: what tests start is built, and one embedded cluster is started for the whole run, in
// which each file makes a database; it is stopped after the last. A run that is killed cannot tidy up: a shell that
// waits for the end of its input does it then.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openEmbedded } from '../../services/embedded/embedded.ts';
import { memoryPlace } from './memory.ts';
import { KEEP } from './postgres.ts';
import { buildPrograms } from './programs.ts';
import { GONE, makeDirectory, removeTree } from './tree.ts';

/** Stops the server and removes the directory once its standard input ends, unless both are gone by then. */
const WATCH = `cat >/dev/null
[ -d "$1" ] || exit 0
if read -r pid <"$1/data/postmaster.pid"; then
  kill -INT "$pid"
  n=0
  while kill -0 "$pid" && [ "$n" -lt 100 ]; do n=$((n + 1)); sleep 0.1; done
fi
rm -rf -- "$@"`;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await buildPrograms();
  project.onTestsRerun(buildPrograms);
  const gone = makeDirectory('rollcall-gone-');
  process.env[GONE] = gone;
  const memory = memoryPlace();
  project.provide('memory', memory);
  const stateDir = mkdtempSync(join(memory, 'rollcall-cluster-'));
  const embedded = await openEmbedded({ stateDir, now: Date.now, log: () => {} }).catch((error: unknown) => {
    for (const path of [stateDir, gone]) rmSync(path, { recursive: true, force: true });
    throw error;
  });
  const watch = spawn('sh', ['-c', process.env[KEEP] === undefined ? WATCH : 'cat >/dev/null', 'sh', stateDir, gone], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watch.unref();
  project.provide('cluster', embedded.address);
  return async () => {
    await embedded.close();
    delete process.env[GONE];
    removeTree(gone);
    if (process.env[KEEP] === undefined) rmSync(stateDir, { recursive: true, force: true });
    else process.stderr.write(`kept: ${stateDir} (CONTRIBUTING.md says how to look into it)\n`);
    watch.stdin.end();
  };
}
