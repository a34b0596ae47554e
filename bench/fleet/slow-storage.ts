// slow-files.ts mounted, and gone again.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../test/support/poll.ts';
import type { Ground } from '../ground.ts';
import { REPOSITORY } from '../rollcall.ts';
import { startChild } from './child.ts';

export interface SlowStorage {
  readonly path: string;
  /** Calls that waited at once at most since it was asked last. */
  atOnce(): Promise<number>;
  close(): Promise<void>;
}

export const SLOW_MISSING =
  process.getuid?.() === 0 && existsSync('/dev/fuse') ? null : 'a FUSE file system needs root and /dev/fuse';

export async function mountSlow(
  ground: Ground,
  { delayMs, directories, files }: { readonly delayMs: number; readonly directories: number; readonly files: number },
): Promise<SlowStorage> {
  const path = join(ground.dir, 'slow');
  mkdirSync(path);
  const program = join(REPOSITORY, 'bench/fleet/slow-files.ts');
  const sizes = [delayMs, directories, files].map(String);
  // From here, where tsx is found.
  const loader = join(REPOSITORY, 'node_modules/tsx/dist/loader.mjs');
  const server = await startChild([process.execPath, '--import', loader, program, path, ...sizes], {
    output: join(ground.dir, 'slow.log'),
  });
  const close = async (): Promise<void> => {
    // Killed first: what waits in it is told so.
    await server.end('SIGKILL');
    spawnSync('umount', ['-l', path], { stdio: 'ignore' });
  };
  const saidTimes = (): number[] =>
    [...server.said().matchAll(/^at once (\d+)$/gm)].map(([, number]) => Number(number));
  try {
    await until('the slow storage is mounted', () => server.said().includes('ready'), 60_000);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    path,
    async atOnce() {
      const before = saidTimes().length;
      process.kill(server.pid, 'SIGUSR1');
      await until('the slow storage answers', () => saidTimes().length > before);
      return saidTimes().at(-1) ?? 0;
    },
    close,
  };
}
