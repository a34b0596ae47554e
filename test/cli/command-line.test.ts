// The page about the command line is generated: it cannot promise an option that is not there.
import { expect, test } from 'vitest';
import { buildProgram } from '../../cli/program.ts';
import { commandLinePage } from '../../cli/command-line.ts';

test('docs/command-line.md says what help says', async () => {
  const page = commandLinePage(
    buildProgram(() => {
      throw new Error('help runs no command');
    }),
  );
  await expect(page).toMatchFileSnapshot('../../docs/command-line.md');
});
