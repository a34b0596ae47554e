// rollcall hosts: which machines the catalog knows; one that has another name now, and one that is no more.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { iso } from '../../domain/window/timeline.ts';
import { localTime, plural, visible } from '../../services/report/wording.ts';
import type { Context, Run } from '../command.ts';
import { actor } from '../config.ts';

interface Decided {
  readonly reason: string;
  readonly json?: boolean;
}

export function define(program: Command, run: Run): void {
  const hosts = program
    .command('hosts')
    .summary('list hosts, rename one, or take one out of service')
    .description('The hosts that the catalog knows: their volumes, their workers, and the newest scan.');
  hosts
    .command('list', { isDefault: true })
    .description('list them (the default)')
    .option('--json', 'print them as one JSON object')
    .action(async (options: { readonly json?: boolean }) => {
      await run((context) => listBody(context, options.json ?? false), { json: options.json });
    });
  hosts
    .command('rename')
    .description(
      'a machine has another name now: its volumes, with all that is known of them, are those of the new name',
    )
    .argument('<old>', 'the name that the catalog knows')
    .argument('<new>', 'the name that its workers have from now on')
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .option('--json', 'print what was renamed as one JSON object')
    .action(async (from: string, to: string, options: Decided) => {
      await run((context) => renameBody(context, { from, to, ...options }), { json: options.json });
    });
  hosts
    .command('remove')
    .description('a machine is no more: nobody waits for it; what is known of its volumes stays, and counts')
    .argument('<host>', 'the name that the catalog knows')
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .option('--json', 'print what was ended as one JSON object')
    .action(async (host: string, options: Decided) => {
      await run((context) => removeBody(context, { host, ...options }), { json: options.json });
    });
}

export async function listBody({ session, output, config }: Context, json: boolean): Promise<ExitCode> {
  const { hosts } = await import('../../services/hosts.ts');
  const { db } = await session();
  const found = await hosts(db.pool);
  if (json) {
    output.json({
      hosts: found.map(({ newestMs, ...host }) => ({ ...host, newest: newestMs === null ? null : iso(newestMs) })),
    });
    return EXIT.nothing;
  }
  if (found.length === 0) output.line(`No host is known yet. Next, on a storage host: ${config.program} worker`);
  for (const { host, volumes, workers, newestMs, retired } of found) {
    const alive = workers.filter((worker) => worker.alive).length;
    const served =
      retired === null ? (alive === 0 ? 'no worker' : plural(alive, 'worker')) : `out of service: ${retired}`;
    const newest = newestMs === null ? 'never scanned completely' : `newest scan ${localTime(iso(newestMs))}`;
    output.line(`${visible(host)}: ${visible(served)}; ${plural(volumes.length, 'volume')}, ${newest}`);
    for (const { name, role } of volumes) output.line(`  ${role.padEnd(6)} ${visible(name)}`);
  }
  return EXIT.nothing;
}

export async function renameBody(
  { session, output, now }: Context,
  args: Decided & { readonly from: string; readonly to: string },
): Promise<ExitCode> {
  const { rename } = await import('../../services/hosts.ts');
  const { db } = await session();
  const { volumes, inConfiguration } = await rename(db, { ...args, actor: actor(), nowMs: now() });
  if (args.json === true) output.json({ from: args.from, to: args.to, volumes, in_configuration: inConfiguration });
  else {
    output.line(
      `${visible(args.from)} is ${visible(args.to)} from now on: ${plural(volumes, 'volume')}. Start its worker with that name.`,
    );
    if (inConfiguration) output.line('The configuration names it so from now on. Change rollcall.yaml, too.');
  }
  return EXIT.nothing;
}

export async function removeBody(
  { session, output, now }: Context,
  args: Decided & { readonly host: string },
): Promise<ExitCode> {
  const { remove } = await import('../../services/hosts.ts');
  const { db } = await session();
  const ended = await remove(db, { ...args, actor: actor(), nowMs: now() });
  if (args.json === true) output.json({ host: args.host, tasks_ended: ended });
  else
    output.line(
      `${visible(args.host)} is out of service; ${plural(ended, 'task')} ended. What is known of its volumes stays (rollcall volumes forget takes it away). A scan there takes it in again.`,
    );
  return EXIT.nothing;
}
