// `hooks` with the program itself: a serve that has the secrets, a real receiver, and a command that has none.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { until } from '../support/poll.ts';
import { runs, startProcess } from '../support/processes.ts';
import { CLI } from '../support/programs.ts';
import { startReceiver } from '../watch/hooks/receivers.ts';

const base = mkdtempSync(join(tmpdir(), 'rollcall-hooks-'));
chmodSync(base, 0o755);
const live = join(base, 'live');
mkdirSync(live);
writeFileSync(join(live, 'file'), 'content');
const receiver = await startReceiver();
const env = { ...process.env, ROLLCALL_HOST: 'here', ROLLCALL_STATE_DIR: join(base, 'state'), DATABASE_URL: '' };

const run = (...words: string[]) => runs([process.execPath, CLI, ...words], { env });
const serve = startProcess([process.execPath, CLI, 'serve'], {
  input: '',
  env: { ...env, ROLLCALL_HOOK_TOKEN: 't0ken' },
});
afterAll(async () => {
  serve.child.kill('SIGTERM');
  await serve.ended;
  rmSync(base, { recursive: true, force: true });
});

test('a hook is tested by the serve, which has its secret; the command and the catalog never see it', async () => {
  const file = join(base, 'rollcall.yaml');
  writeFileSync(
    file,
    `volumes: { live: { path: ${live}, backups: [] } }
hooks:
  chat: { type: webhook, url: http://127.0.0.1:${receiver.port}/T0P, token: env:ROLLCALL_HOOK_TOKEN, allow_internal: true }
  away: { type: webhook, url: http://127.0.0.1:1/T0P, allow_internal: true }
  lost: { type: webhook, url: env:ROLLCALL_HOOK_NOWHERE }
alarms: [{ hooks: [chat] }]
`,
  );
  const applied = await run('apply', '-f', file);
  expect(applied.status, applied.stderr + applied.stdout).toBe(0);

  const sent = await run('hooks', 'test', 'chat', '--json');
  expect(sent.status, `${sent.stderr}${serve.said()}`).toBe(0);
  expect(JSON.parse(sent.stdout)).toEqual({ hook: 'chat', sent: true, trouble: null });
  expect(receiver.received).toMatchObject([{ url: '/T0P', headers: { authorization: 'Bearer t0ken' } }]);
  expect(JSON.parse(receiver.received[0]!.body)).toMatchObject({ event: 'test', title: 'a test: this hook works' });

  const away = await run('hooks', 'test', 'away');
  expect([away.status, away.stdout], away.stderr).toEqual([2, expect.stringContaining('nothing listens there')]);
  const listed = await run('hooks', '--json');
  expect(listed.status).toBe(0);
  expect(JSON.parse(listed.stdout).hooks).toMatchObject([
    { name: 'chat', type: 'webhook', waiting: 0, failed: 0, trouble: null, sent: expect.any(String) },
    { name: 'away', sent: null, trouble: { event: 'test', attempts: 1, why: expect.stringContaining('ECONNREFUSED') } },
    { name: 'lost', to: 'json to env:ROLLCALL_HOOK_NOWHERE' },
  ]);
  for (const text of [listed.stdout, away.stdout, serve.said()]) expect(text).not.toMatch(/T0P|t0ken/);
  await until('the serve says why', () => serve.said().includes('ECONNREFUSED'));
}, 60_000);
