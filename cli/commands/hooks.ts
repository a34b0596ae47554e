// rollcall hooks: who is told, what became of it, and whether a hook works.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { iso } from '../../domain/window/timeline.ts';
import { localTime, plural, visible } from '../../services/report/wording.ts';
import type { Context, Run } from '../command.ts';
import { actor } from '../config.ts';
import { wakeWorkers } from '../follow.ts';

interface Options {
  readonly json?: boolean;
}

export function define(program: Command, run: Run): void {
  const hooks = program
    .command('hooks')
    .summary('list who is told, and test a hook')
    .description('The hooks of the configuration (rollcall apply): mail, webhooks, pings, commands.');
  hooks
    .command('list', { isDefault: true })
    .description(
      'list them, with what waits and what could not be delivered (the default). Ends with 1 where messages were given up.',
    )
    .option('--json', 'print them as one JSON object')
    .action(async (options: Options) => {
      await run((context) => listBody(context, options.json ?? false), { json: options.json });
    });
  hooks
    .command('test')
    .description(
      'send a test message, once, and wait for its end. A rollcall serve sends it, for it alone has the secrets. Ends with 2 where the hook did not take it, with 3 where no serve runs.',
    )
    .argument('<name>', 'the name of the hook')
    .option('--json', 'print what became of it as one JSON object')
    .action(async (name: string, options: Options) => {
      await run((context) => testBody(context, { name, json: options.json ?? false }), {
        json: options.json,
        tidies: true,
      });
    });
}

export async function listBody({ session, output, config }: Context, json: boolean): Promise<ExitCode> {
  const { hookStates } = await import('../../services/hooks.ts');
  const { db } = await session();
  const found = await hookStates(db.pool);
  const exit = found.some(({ failed }) => failed > 0) ? EXIT.findings : EXIT.nothing;
  if (json) {
    output.json({
      hooks: found.map(({ sentMs, ...hook }) => ({ ...hook, sent: sentMs === null ? null : iso(sentMs) })),
      exit,
    });
    return exit;
  }
  if (found.length === 0)
    output.line(
      `Nobody is notified of anything: the configuration has no hooks. Next: add some to rollcall.yaml, then ${config.program} apply -f rollcall.yaml`,
    );
  for (const { name, type, to, waiting, failed, sentMs, trouble } of found) {
    const sent = sentMs === null ? 'never sent' : `last sent ${localTime(iso(sentMs))}`;
    const more = [
      ...(waiting === 0 ? [] : [`${plural(waiting, 'message')} waiting`]),
      ...(failed === 0 ? [] : [`${plural(failed, 'message')} given up`]),
    ];
    output.line(`${visible(name)}: ${type}, ${visible(to)}; ${[sent, ...more].join(', ')}`);
    if (trouble !== null) {
      const what = `${trouble.event}, after ${plural(trouble.attempts, 'failed attempt')}`;
      output.line(`  ${what}: ${visible(trouble.why)}`);
      output.line(`  next: ${config.program} hooks test ${visible(name)}`);
    }
  }
  return exit;
}

/** A serve looks into the catalog twice a minute, should nothing have woken it. */
const PATIENCE_MS = 90_000;

export async function testBody(
  context: Context,
  { name, json }: { readonly name: string; readonly json: boolean },
): Promise<ExitCode> {
  const { leaveTest, waitForTest } = await import('../../services/hooks.ts');
  const { session, output, config, now, signal } = context;
  const { program } = config;
  const { db } = await session();
  const { about, due } = await leaveTest(db, { name, actor: actor(), program, nowMs: now() });
  await wakeWorkers(context, due);
  const { state, trouble } = await waitForTest({ db, signal, program }, about, PATIENCE_MS);
  if (json) output.json({ hook: name, sent: state === 'sent', trouble });
  else if (state === 'sent' && trouble === null) output.line(`${visible(name)}: sent.`);
  else output.line(`${visible(name)}: ${state === 'sent' ? 'sent, but ' : 'not sent: '}${visible(trouble ?? '')}`);
  if (!json && trouble !== null) output.line(`Next: put it right, then ${program} hooks test ${visible(name)}`);
  return trouble === null ? EXIT.nothing : EXIT.failure;
}
