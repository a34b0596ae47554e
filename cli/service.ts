// What worker and serve share: where their catalog is, and the lines that they say.
import type { Context } from './command.ts';
import type { ServiceArguments } from './commands/service-options.ts';
import type { WorkerOptions } from '../services/work.ts';

/** One line for the operator, with its time. */
function serviceLog({ output, now }: Context, json: boolean): (event: string) => void {
  return (event) => {
    const at = new Date(now()).toISOString();
    if (json) output.line(JSON.stringify({ at, event }));
    else output.note(`${at} ${event}`);
  };
}

/**
 * A service starts when it starts: a server of one's own is waited for, and the embedded one is started here. Null
 * where a signal came first.
 */
async function serviceAddress(
  { config, session, signal, now }: Context,
  log: (event: string) => void,
): Promise<WorkerOptions['address'] | null> {
  const [{ waitForCatalog }, { refuseRedisUrl }] = await Promise.all([
    import('../services/work.ts'),
    import('../services/typed/redis-url.ts'),
  ]);
  if (config.redisUrl !== null) refuseRedisUrl(config.redisUrl);
  const { databaseUrl } = config;
  return databaseUrl === null
    ? (await session()).address
    : waitForCatalog({ connectionString: databaseUrl }, { log, signal, nowMs: now });
}

/** What both are started with; null where a signal came first. */
export async function serviceStart(
  context: Context,
  args: ServiceArguments,
): Promise<Omit<WorkerOptions, 'once' | 'duty'> | null> {
  const { config, signal, now } = context;
  const log = serviceLog(context, args.json);
  const address = await serviceAddress(context, log);
  if (address === null) return null;
  signal.throwIfAborted();
  return {
    address,
    redisUrl: config.redisUrl,
    host: args.host ?? config.host,
    slots: args.threads,
    bytesPerSecond: args.gentle.bytesPerSecond,
    nowMs: now,
    log,
    signal,
  };
}
