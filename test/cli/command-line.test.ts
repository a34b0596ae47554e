// The page about the command line is generated: it cannot promise an option that is not there.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { completionScript, manPage } from '../../cli/completion.ts';
import { buildProgram } from '../../cli/program.ts';
import { commandLinePage } from '../../cli/command-line.ts';
import { rollcallVersion } from '../../services/process/edition.ts';

const program = () =>
  buildProgram(() => {
    throw new Error('help runs no command');
  });

test('docs/command-line.md says what help says', async () => {
  await expect(commandLinePage(program())).toMatchFileSnapshot('../../docs/command-line.md');
});

test('docs/rollcall.1 says what help says, and man(1) has nothing against it (skipped where there is none)', async () => {
  const page = manPage(program(), rollcallVersion());
  await expect(page).toMatchFileSnapshot('../../docs/rollcall.1');
  const { status, stdout, stderr } = spawnSync('man', ['--warnings', '-l', '-'], {
    encoding: 'utf8',
    input: page,
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', MANWIDTH: '100', PAGER: 'cat' },
  });
  if (status === null) return;
  expect(stderr).toBe('');
  expect(stdout).toMatch(/rollcall findings accept/);
  expect(stdout).toMatch(/--snapshots <n>/);
});

/** What bash would offer after these words, the last of which is not complete. */
function offered(...words: string[]): string[] {
  const script = `${completionScript(program(), 'bash')}
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _rollcall; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-euc', script, 'bash', 'rollcall', ...words], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash completes commands, subcommands, options, and values where there are some to choose from', () => {
  expect(offered('as')).toEqual(['assess']);
  expect(offered('findings', 'a')).toEqual(['accept']);
  expect(offered('--state-dir', '/x', 'assess', '--ba')).toEqual(['--backup']);
  expect(offered('findings', 'list', '--state', '')).toEqual(['open', 'resolved', 'accepted', 'all']);
  expect(offered('findings', 'accept', '--re')).toEqual(['--reason']);
  // Files, which bash itself knows.
  expect(offered('assess', '--live', '')).toEqual([]);
  expect(offered('verify', '')).toEqual([]);
});

test.each(['zsh', 'fish'] as const)('%s reads what is written for it (skipped where it is not installed)', (shell) => {
  const base = mkdtempSync(join(tmpdir(), 'rollcall-completion-'));
  writeFileSync(join(base, 'script'), completionScript(program(), shell));
  const { status, stderr } = spawnSync(shell, ['-n', join(base, 'script')], { encoding: 'utf8' });
  rmSync(base, { recursive: true });
  if (status === null) return;
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
