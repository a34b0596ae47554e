// The command line in a process namespace that its caller is not in, as `docker exec` starts it.
import { spawn, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { CLI } from '../support/programs.ts';

const INSIDE = ['--user', '--map-root-user', '--pid', '--fork'];
const canEnter = spawnSync('unshare', [...INSIDE, 'true']).status === 0;

test.skipIf(!canEnter)(
  'started from outside of its process namespace, it signals nobody (unshare needed)',
  async () => {
    // In a process group of its own: that is what would be hit.
    const child = spawn('unshare', [...INSIDE, process.execPath, CLI, '--version'], {
      detached: true,
      stdio: 'ignore',
    });
    expect(await new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))).toEqual({
      code: 0,
      signal: null,
    });
  },
);
