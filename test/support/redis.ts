// A Redis of the tests' own, on a socket in a directory of its own; it ends with the process that started it, however that ends.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const REDIS_MISSING =
  spawnSync('redis-server', ['--version']).status === 0
    ? null
    : 'no redis-server here: apt-get install redis-server (the Postgres half runs without it)';

export interface TestRedis {
  /** The path of its socket, which ioredis takes as a URL. */
  readonly redisUrl: string;
  /** Sends one command in the inline form of the protocol. */
  command(line: string): Promise<void>;
  close(): Promise<void>;
}

export async function startRedis(): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'rollcall-redis-'));
  const socket = join(directory, 'redis.sock');
  // The shell waits for the end of its standard input, which comes when we end it or die, and then ends the server by its pid.
  const script = 'redis-server "$@" & cat >/dev/null; kill $!; wait';
  const options = ['--port', '0', '--unixsocket', socket, '--dir', directory, '--save', '', '--appendonly', 'no'];
  const shell = spawn('sh', ['-c', script, 'sh', ...options, '--maxmemory-policy', 'noeviction'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => shell.once('exit', () => resolve()));
  const close = async (): Promise<void> => {
    shell.stdin.end();
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  const deadline = Date.now() + 15_000;
  for (;;) {
    try {
      await send(socket, 'PING');
      break;
    } catch (cause) {
      if (Date.now() > deadline) {
        await close();
        throw new Error('redis-server did not start', { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return { redisUrl: socket, command: (line) => send(socket, line), close };
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
