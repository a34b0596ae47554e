// One embedded cluster for the whole run, started before the first test file and stopped after the last; each file makes a database in it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openEmbedded } from '../../services/embedded/embedded.ts';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stateDir = mkdtempSync(join(tmpdir(), 'rollcall-cluster-'));
  const embedded = await openEmbedded({ stateDir, now: Date.now, log: () => {} }).catch((error: unknown) => {
    rmSync(stateDir, { recursive: true, force: true });
    throw error;
  });
  project.provide('cluster', embedded.address);
  return async () => {
    await embedded.close();
    rmSync(stateDir, { recursive: true, force: true });
  };
}
