// rollcall doctor: everything that is worth knowing before the work begins, as one list.
import { RollcallError } from '../domain/exit.ts';
import { databaseAdvice } from './catalog/advice.ts';
import type { Database } from './catalog/database.ts';
import { databaseHealth } from './catalog/health.ts';
import { bytes } from './report/wording.ts';
import { bad, ok, warning, type Check } from './doctor/check.ts';
import { checkPath, checkStateRoom } from './doctor/paths.ts';
import { checkLimits, checkUser } from './doctor/process.ts';
import { checkTools } from './doctor/tools.ts';
import { redisAdvice } from './queue/advice.ts';
import { refuseRedisUrl } from './typed/redis-url.ts';

const CONNECTIONS_MIN = 30;
const REDIS_MAX_MS = 5_000;

export interface ExamineOptions {
  /** As typed. */
  readonly paths: readonly string[];
  readonly stateDir: string;
  readonly databaseUrl: string | null;
  readonly redisUrl: string | null;
  readonly pgBin: string | null;
  /** Opens and migrates the catalog; what it has to say goes to log. */
  readonly openDatabase: (
    log: (line: string) => void,
  ) => Promise<{ readonly db: Database; readonly close: () => Promise<void> }>;
}

export interface Report {
  readonly checks: readonly Check[];
}

export async function examine(options: ExamineOptions): Promise<Report> {
  const { paths, stateDir, databaseUrl, redisUrl } = options;
  return {
    checks: [
      ...checkTools(),
      ...checkUser(),
      ...checkLimits(),
      ...(databaseUrl === null ? checkStateRoom(stateDir) : []),
      ...(await checkDatabase(options)),
      ...(redisUrl === null ? [] : [await checkRedis(redisUrl)]),
      ...paths.flatMap(checkPath),
    ],
  };
}

async function checkDatabase({ openDatabase, databaseUrl, pgBin }: ExamineOptions): Promise<readonly Check[]> {
  const said: Check[] = [];
  const where =
    databaseUrl === null ? (pgBin === null ? 'embedded' : `embedded, programs of ${pgBin}`) : 'DATABASE_URL';
  try {
    const { db, close } = await openDatabase((line) => said.push(ok('database', line)));
    try {
      const { version, connectionsMax, readOnly, size, level } = await databaseHealth(db);
      said.push(
        ok('database', `Postgres ${version} (${where}), ${bytes(Number(size))}`),
        level.pending.length === 0
          ? ok('catalog', `at ${level.database}`)
          : bad(
              'catalog',
              `lacks ${level.pending.join(', ')}`,
              'run any rollcall command with a role that may create tables',
            ),
      );
      if (readOnly)
        said.push(bad('database', 'is a standby and cannot be written', 'name the primary in DATABASE_URL'));
      if (connectionsMax < CONNECTIONS_MIN) {
        said.push(
          warning(
            'database',
            `allows ${connectionsMax} connections`,
            `raise max_connections to ${CONNECTIONS_MIN} or more`,
          ),
        );
      }
    } finally {
      await close();
    }
  } catch (error) {
    const failure = error instanceof RollcallError ? error : databaseAdvice(error);
    if (failure === null) throw error;
    said.push(bad('database', failure.message, failure.next ?? 'see the message'));
  }
  return said;
}

async function checkRedis(url: string): Promise<Check> {
  try {
    refuseRedisUrl(url);
  } catch (error) {
    if (!(error instanceof RollcallError)) throw error;
    return bad('redis', error.message, error.next ?? '');
  }
  const { Redis } = await import('ioredis');
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: REDIS_MAX_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  /** What connect() fails with says only that the connection is closed. */
  let said: Error | null = null;
  redis.on('error', (error: Error) => (said ??= error));
  try {
    await redis.connect();
    const policy = /maxmemory_policy:(\S+)/.exec(await redis.info('memory'))?.[1] ?? 'unknown';
    return policy === 'noeviction'
      ? ok('redis', 'answers; maxmemory-policy noeviction')
      : warning(
          'redis',
          `answers; its maxmemory-policy is ${policy}`,
          'set maxmemory-policy noeviction: evicted jobs cause delays without a message',
        );
  } catch (error) {
    const advice = redisAdvice(said) ?? redisAdvice(error);
    return bad(
      'redis',
      advice?.message ?? `does not answer: ${(error as Error).message}`,
      advice?.next ?? 'check REDIS_URL, or leave it out: the queue is then in Postgres',
    );
  } finally {
    redis.disconnect();
  }
}
