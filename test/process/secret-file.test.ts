// DATABASE_URL_FILE and REDIS_URL_FILE: the password comes out of a file, and is in no message.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../cli/config.ts';
import { CLI } from '../support/programs.ts';

const SECRET = 's3cret';
const URL = `postgresql://u:${SECRET}@127.0.0.1:1/db`;

let base: string;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'rollcall-secret-'));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(base, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

const read = (environment: Record<string, string>) => readConfig({ HOME: base, ...environment }, join(base, 'state'));

it.each(['', '\n', '\r\n', '\n\n'])('a file holds the URL, ended by %j', (end) => {
  const path = file('url', `${URL}${end}`);
  expect(read({ DATABASE_URL_FILE: path, REDIS_URL_FILE: file('redis', `redis://:${SECRET}@r${end}`) })).toMatchObject({
    databaseUrl: URL,
    redisUrl: `redis://:${SECRET}@r`,
  });
  // An empty variable is one that is not set.
  expect(read({ DATABASE_URL: '', DATABASE_URL_FILE: path, REDIS_URL_FILE: '' })).toMatchObject({
    databaseUrl: URL,
    redisUrl: null,
  });
});

it('a pipe will do, as `<(command)` of a shell makes one', () => {
  const words = `DATABASE_URL_FILE=<(sleep 0.1; echo '${URL}') exec '${process.execPath}' '${CLI}' volumes`;
  const { status, stderr } = spawnSync('bash', ['-c', words], { cwd: base, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('nothing answers at the address') });
});

describe('what cannot be meant is refused, and the password is in no message', () => {
  it.each([
    ['both', { DATABASE_URL: URL, DATABASE_URL_FILE: '/x' }, /^DATABASE_URL and DATABASE_URL_FILE are both set/],
    ['both', { REDIS_URL: URL, REDIS_URL_FILE: '/x' }, /^REDIS_URL and REDIS_URL_FILE are both set/],
    [
      'no file',
      { DATABASE_URL_FILE: '/nonexistent/url' },
      /^DATABASE_URL_FILE names "\/nonexistent\/url", which .*read/,
    ],
    ['a directory', { REDIS_URL_FILE: '/' }, /^REDIS_URL_FILE names "\/", which cannot be read/],
  ])('%s: %o', (_what, environment, says) => {
    expect(() => read(environment)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(says), exit: 2, next: expect.any(String) }),
    );
  });

  it.each([
    ['nothing', ''],
    ['an empty line', ' \n'],
    ['two lines', `${URL}\n${SECRET}\n`],
    ['bytes', Buffer.from([0xff, 0xfe, 0x00])],
    ['a disk', SECRET.repeat(10_000)],
  ])('%s in the file', (_what, content) => {
    const path = file('odd', content);
    for (const variable of ['DATABASE_URL_FILE', 'REDIS_URL_FILE']) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'volumes'], {
        cwd: base,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], HOME: base, [variable]: path },
      });
      expect({ status, stdout, stderr }).toEqual({
        status: 2,
        stdout: '',
        stderr: expect.stringMatching(new RegExp(`^rollcall: ${variable} names ".*", which .*\n  next: .*\n$`)),
      });
      expect(stderr).not.toContain(SECRET);
    }
  });
});
