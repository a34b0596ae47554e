// Ending threads that have not begun yet.
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { program } from '../support/programs.ts';

test('a thread that is closed while it loads does not take the process with it', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program('process/hasty-child')], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toBe('120\n');
});
