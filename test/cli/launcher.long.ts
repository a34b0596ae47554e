// The launcher in the other shells that may be /bin/sh, as far as they are installed.
import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';
import { launcherUnder } from './launcher.ts';

const SHELLS = [
  ['busybox', 'sh'],
  ['bash', '--posix'],
].filter(([name = '']) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0);

describe.each(SHELLS.map((words) => [words.join(' '), words] as const))('under %s', (_name, shell) =>
  launcherUnder(shell, 40),
);
