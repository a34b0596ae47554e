// docs/command-line.md, from the commands themselves: what help prints is what the page says. Pure.
import type { Command } from 'commander';

const COLUMNS = 110;

/** The page as Markdown: the program, then every command and subcommand in the order of the program's own help. */
export function commandLinePage(program: Command): string {
  const parts = [
    '# Command line',
    '',
    'Generated from the commands by `npx vitest run test/cli/command-line.test.ts -u`. Do not edit.',
  ];
  const add = (command: Command, names: readonly string[]): void => {
    parts.push('', `${'#'.repeat(Math.min(3, names.length + 1))} ${names.join(' ')}`, '', '```', help(command), '```');
    for (const below of command.commands) add(below, [...names, below.name()]);
  };
  add(program, [program.name()]);
  return `${parts.join('\n')}\n`;
}

function help(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => COLUMNS,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trimEnd();
}
