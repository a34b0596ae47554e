// What --detach and --wait do: keep the work for workers on this host, and wake them. --wait follows it to its end.
import { EXIT, type ExitCode } from '../domain/exit.ts';
import { encodeText } from '../domain/path.ts';
import { leave, type DetachedWork } from '../services/detach.ts';
import { workingDirectory } from '../services/process/working-directory.ts';
import { refuseRedisUrl } from '../services/typed/redis-url.ts';
import type { Context } from './command.ts';
import { waitHere, wakeWorkers } from './follow.ts';

type Asked = DetachedWork extends infer W
  ? W extends DetachedWork
    ? Omit<W, 'cwd' | 'stateDir' | 'program'>
    : never
  : never;

export async function detach(
  context: Context,
  asked: Asked,
  { json, wait }: { readonly json: boolean; readonly wait: boolean },
): Promise<ExitCode> {
  const { config, output, now } = context;
  if (config.redisUrl !== null) refuseRedisUrl(config.redisUrl);
  const { db } = await context.session();
  const place = {
    cwd: workingDirectory(),
    stateDir: config.databaseUrl === null ? encodeText(config.stateDir) : null,
    program: config.program,
  };
  const { host } = config;
  const id = await leave({ db, host, nowMs: now }, { ...place, ...asked });
  await wakeWorkers(context, [{ id, kind: asked.kind, host }]);
  if (wait) {
    output.note(`Queued as task ${id} for workers on ${host}.`);
    return waitHere(context, id, json);
  }
  if (json) output.json({ task: Number(id), host });
  else output.line(`Queued as task ${id} for workers on ${host}. If none runs there: ${config.program} worker`);
  return EXIT.nothing;
}
