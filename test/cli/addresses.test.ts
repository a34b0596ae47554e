// DATABASE_URL and REDIS_URL as people mistype them: one sentence and what to do, no trace, and never the password.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { RollcallError } from '../../domain/exit.ts';
import { connect, openPool } from '../../services/catalog/database.ts';
import { refuseRedisUrl } from '../../services/typed/redis-url.ts';
import { CLI } from '../support/programs.ts';
import { refusal } from '../support/refusal.ts';

const SECRET = 's3cret';

test.each([
  [`postgresql://u:${SECRET}@127.0.0.1:1/db?sslmode=verify-full&sslrootcert=/nonexistent.crt`, /\/nonexistent\.crt/],
  [`postgresql://u:${SECRET}@127.0.0.1:1/db?sslcert=/etc`, /cannot be read/],
  [`postgresql://u:${SECRET}@127.0.0.1:99999/db`, /DATABASE_URL cannot be read/],
  [`postgresql://u:${SECRET}@[::1/db`, /DATABASE_URL cannot be read/],
  [`u:${SECRET}@127.0.0.1/db`, /not the URL of a Postgres database/],
])('a DATABASE_URL that leads nowhere is refused before anything is done: %s', async (connectionString, says) => {
  const attempts = [async () => openPool({ connectionString }).close(), () => connect({ connectionString })];
  for (const attempt of attempts) {
    const { message, next, exit } = await refusal(attempt());
    expect({ message, exit }).toEqual({ message: expect.stringMatching(says), exit: 2 });
    expect(`${message} ${next}`).not.toContain(SECRET);
  }
});

test.each(
  [`http://u:${SECRET}@127.0.0.1:1`, SECRET, `//u:${SECRET}@127.0.0.1`].concat(
    [`u:${SECRET}@:x/1`, `u:${SECRET}@127.0.0.1:99999`, `u:%z${SECRET}@127.0.0.1`, `u:${SECRET}@127.0.0.1/words`].map(
      (rest) => `redis://${rest}`,
    ),
  ),
)('a REDIS_URL that is none is refused without being repeated: %s', (url) => {
  try {
    refuseRedisUrl(url);
    expect.unreachable('it was not refused');
  } catch (error) {
    if (!(error instanceof RollcallError)) throw error;
    expect(error.message).toContain('REDIS_URL cannot be read');
    expect(`${error.message} ${error.next}`).not.toContain(SECRET);
  }
});

test.each(['redis://127.0.0.1', 'redis://:p%40ss@host:6379/3', 'rediss://u:p@[::1]:6379', '/run/redis/redis.sock'])(
  'a REDIS_URL of a known form is taken: %s',
  (url) => {
    expect(() => refuseRedisUrl(url)).not.toThrow();
  },
);

test('a worker with a REDIS_URL that is none ends at once, with 2', () => {
  const base = mkdtempSync(join(tmpdir(), 'rollcall-addresses-'));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  const { status, stderr } = spawnSync(process.execPath, [CLI, 'worker', '--once'], {
    cwd: base,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      HOME: base,
      ROLLCALL_STATE_DIR: join(base, 'state'),
      REDIS_URL: `http://u:${SECRET}@127.0.0.1:1`,
    },
  });
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringMatching(/^rollcall: REDIS_URL cannot be read: .*\n {2}next: /),
  });
  expect(stderr).not.toContain(SECRET);
});
