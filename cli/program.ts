// The command line as data: every command with its options. Builds nothing and runs nothing; docs are generated from
// it.
import { Command } from 'commander';
import { rollcallEdition } from '../services/process/edition.ts';
import type { Define, Run } from './command.ts';
import { define as apply } from './commands/apply.ts';
import { define as assess } from './commands/assess.ts';
import { define as bundle } from './commands/bundle.ts';
import { define as catalog } from './commands/catalog.ts';
import { define as completion } from './commands/completion.ts';
import { define as config } from './commands/config.ts';
import { define as demo } from './commands/demo.ts';
import { define as doctor } from './commands/doctor.ts';
import { define as exposure } from './commands/exposure.ts';
import { define as exportList } from './commands/export.ts';
import { define as findings } from './commands/findings.ts';
import { define as history } from './commands/history.ts';
import { define as holds } from './commands/holds.ts';
import { define as hooks } from './commands/hooks.ts';
import { define as hosts } from './commands/hosts.ts';
import { define as importList } from './commands/import.ts';
import { define as incidents } from './commands/incidents.ts';
import { define as init } from './commands/init.ts';
import { define as pause } from './commands/pause.ts';
import { define as scan } from './commands/scan.ts';
import { define as serve } from './commands/serve.ts';
import { define as status } from './commands/status.ts';
import { define as tasks } from './commands/tasks.ts';
import { define as verify } from './commands/verify.ts';
import { define as volumes } from './commands/volumes.ts';
import { define as worker } from './commands/worker.ts';

const COMMANDS: readonly Define[] = [
  assess,
  bundle,
  verify,
  scan,
  history,
  findings,
  incidents,
  holds,
  hooks,
  status,
  exposure,
  tasks,
  volumes,
  hosts,
  catalog,
  exportList,
  importList,
  demo,
  doctor,
  worker,
  init,
  apply,
  config,
  pause,
  serve,
  completion,
];

const EPILOGUE = `
Exit codes: 0 nothing to report, 1 findings, 2 usage or operational failure, 3 incomplete, 4 a guard stopped it, 130 interrupted.

Environment: ROLLCALL_STATE_DIR (as --state-dir), DATABASE_URL (a Postgres server instead of the embedded one), REDIS_URL (the queue's
Redis), DATABASE_URL_FILE and REDIS_URL_FILE (files that hold these), ROLLCALL_HOST (what this machine is called in the catalog),
ROLLCALL_PG_BIN (the directory of other programs of Postgres), ROLLCALL_DEBUG (scan, judge: what they do), NO_COLOR.`;

export function buildProgram(run: Run): Command {
  const program = new Command('rollcall')
    .description(
      'Calls the roll of every file on live volumes and in backup snapshots: who is missing, who changed in silence, and where a good copy still is.',
    )
    .version(rollcallEdition(), '-V, --version', 'print the version and the commit')
    .option(
      '--state-dir <dir>',
      'where the embedded database lives (as root /var/lib/rollcall, else ~/.local/state/rollcall)',
    )
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showSuggestionAfterError(true)
    .exitOverride()
    .addHelpText('after', EPILOGUE);
  for (const define of COMMANDS) define(program, run);
  return program;
}
