// State directories for tests: one that has been used before, whoever opens them, and nothing left of them afterwards.
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { openEmbedded, type Embedded } from '../../services/embedded/embedded.ts';
import { textIfThere } from '../support/gone.ts';
import { until } from '../support/poll.ts';
import { hold, type Holder } from './hold.ts';
import { memoryDirectory } from '../support/memory.ts';

export function serverPid(stateDir: string): number | null {
  const text = textIfThere(join(stateDir, 'data', 'postmaster.pid'));
  return text === null ? null : Number.parseInt(text, 10);
}

/** Alive, no zombie, and a server of this directory: an id that a test wrote into the file is somebody else's. */
export function isServer(pid: number, stateDir: string): boolean {
  return textIfThere(`/proc/${pid}/cmdline`)?.split('\0').includes(join(stateDir, 'data')) === true;
}

export interface States {
  /** A directory of this test's own, which everybody may pass. */
  readonly directory: () => string;
  /** A state directory that has been used before; its server does not run. */
  readonly used: (name?: string) => string;
  /** Opens one in this process; closed after the test at the latest. */
  readonly open: (
    stateDir: string,
    options?: { readonly binDir?: string; readonly logs?: string[] },
  ) => Promise<Embedded>;
  /** Opens one in a process of its own. */
  readonly held: typeof hold;
}

/** Registers what has to happen before and after each test of the file that calls it. */
export function states(): States {
  let base: string;
  let template: string;
  const opened: Embedded[] = [];
  const holders: Holder[] = [];

  // Making a cluster costs a second or more on a busy machine: made once, copied wherever the making itself is not what
  // is tried.
  beforeAll(async () => {
    template = memoryDirectory('rollcall-embedded-template-');
    await (await openEmbedded({ stateDir: template, now: Date.now, log: () => {} })).close();
  });
  afterAll(() => rmSync(template, { recursive: true, force: true }));

  beforeEach(() => {
    base = memoryDirectory('rollcall-embedded-');
    chmodSync(base, 0o755);
  });
  afterEach(async () => {
    for (const holder of holders.splice(0)) {
      if (holder.child.exitCode === null) holder.child.kill('SIGKILL');
      await holder.release();
    }
    for (const embedded of opened.splice(0)) await embedded.close();
    // Whatever a failed test left running.
    for (const name of readdirSync(base)) {
      const state = join(base, name);
      const pid = serverPid(state);
      if (pid === null || !isServer(pid, state)) continue;
      process.kill(pid, 'SIGQUIT');
      await until('the server is gone', () => !isServer(pid, state));
    }
    rmSync(base, { recursive: true, force: true });
  });

  return {
    directory: () => base,
    used(name = 'state') {
      const state = join(base, name);
      execFileSync('cp', ['-a', template, state]);
      return state;
    },
    async open(stateDir, { binDir, logs = [] } = {}) {
      const embedded = await openEmbedded({ stateDir, binDir, now: Date.now, log: (line) => logs.push(line) });
      opened.push(embedded);
      return embedded;
    },
    held(...args) {
      const holder = hold(...args);
      holders.push(holder);
      return holder;
    },
  };
}
