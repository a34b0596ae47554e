// A Redis of the tests' own, on a socket in a directory of its own; it ends with the process that started it, however
// that ends.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './poll.ts';

export const REDIS_MISSING =
  spawnSync('redis-server', ['--version']).status === 0
    ? null
    : 'no redis-server here: apt-get install redis-server (the Postgres half runs without it)';

export interface TestRedis {
  /** The path of its socket, which ioredis takes as a URL. */
  readonly redisUrl: string;
  /** Sends one command in the inline form of the protocol. */
  command(line: string): Promise<void>;
  /** kill -9 of the server; what it held is gone, for it writes nothing to disk. */
  kill(): Promise<void>;
  /** Another server at the same place, after a kill. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** @param more options of redis-server; noeviction and no password unless they say otherwise */
export async function startRedis(more: readonly string[] = []): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'rollcall-redis-'));
  const socket = join(directory, 'redis.sock');
  const options = ['--port', '0', '--unixsocket', socket, '--dir', directory, '--save', '', '--appendonly', 'no'];
  let server: Server | null = null;
  const start = async (): Promise<void> => {
    server = await startServer([...options, '--maxmemory-policy', 'noeviction', ...more]);
    await until('Redis answers', () => answers(socket));
  };
  const end = async (how: 'end' | 'kill'): Promise<void> => {
    await server?.[how]();
    server = null;
  };
  const close = async (): Promise<void> => {
    await end('end');
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return { redisUrl: socket, command: (line) => send(socket, line), kill: () => end('kill'), start, close };
}

/** Also one that only says that it wants a password. */
function answers(socket: string): Promise<boolean> {
  return send(socket, 'PING').then(
    () => true,
    (error: Error) => error.message.startsWith('-NOAUTH'),
  );
}

interface Server {
  end(): Promise<void>;
  kill(): Promise<void>;
}

async function startServer(options: readonly string[]): Promise<Server> {
  // The shell says the pid, waits for the end of its standard input, which comes when we end it or die, and then ends
  // the server by its pid.
  const script = 'redis-server "$@" >/dev/null & echo $!; cat >/dev/null; kill $! 2>/dev/null; wait';
  const shell = spawn('sh', ['-c', script, 'sh', ...options], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => shell.once('exit', () => resolve()));
  const pid = await new Promise<number>((resolve, reject) => {
    shell.stdout.once('data', (data: Buffer) => resolve(Number(data.toString())));
    shell.once('exit', () => reject(new Error('redis-server did not start')));
  });
  const end = (): Promise<void> => {
    shell.stdin.end();
    return ended;
  };
  return {
    end,
    kill: () => {
      process.kill(pid, 'SIGKILL');
      return end();
    },
  };
}

function send(socket: string, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const connection = createConnection(socket);
    connection.once('error', reject);
    connection.once('data', (data) => {
      connection.destroy();
      if (data.toString().startsWith('-')) reject(new Error(data.toString()));
      else resolve();
    });
    connection.write(`${line}\r\n`);
  });
}
