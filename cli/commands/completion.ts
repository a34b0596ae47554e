// rollcall completion: what a shell needs to complete this program's words.
import { Argument, type Command } from 'commander';
import { EXIT } from '../../domain/exit.ts';
import type { Run } from '../command.ts';
import { completionScript, type Shell, SHELLS } from '../completion.ts';

export function define(program: Command, run: Run): void {
  program
    .command('completion')
    .summary('print what bash, zsh or fish needs to complete commands and options')
    .description('Prints a script that makes a shell complete the commands and options of rollcall.')
    .addArgument(new Argument('<shell>', 'the shell that is to read it').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  rollcall completion bash >/etc/bash_completion.d/rollcall
  rollcall completion zsh >/usr/local/share/zsh/site-functions/_rollcall
  rollcall completion fish >~/.config/fish/completions/rollcall.fish`,
    )
    .action((shell: Shell) =>
      run(({ output }) => {
        for (const line of completionScript(program, shell).trimEnd().split('\n')) output.line(line);
        return Promise.resolve(EXIT.nothing);
      }),
    );
}
