// What Prometheus reads: real requests to a real listener, names that try to break out of their label, and a page that
// says nothing is fine where nothing is known.
import { linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { VolumePicture, WatchPicture } from '../../domain/watch/picture.ts';
import { type Listener, openListener, parseAddress } from '../../services/watch/listen.ts';
import { createMetrics, METRIC_NAMES, type Metrics } from '../../services/watch/metrics.ts';

const base = mkdtempSync(join(tmpdir(), 'rollcall-metrics-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const AT_MS = 1_764_460_800_000;
const VOLUME: VolumePicture = {
  name: 'school',
  role: 'live',
  host: 'files',
  path: '/srv/school',
  state: 'ok',
  reasons: [],
  auditedMs: AT_MS - 3_600_000,
  triedMs: AT_MS,
  dueMs: AT_MS + 60_000,
  open: { missing: 7 },
  openBytes: 4_096,
  files: 1_000,
  bytes: 5_000_000,
  newestMs: null,
  scrub: {
    withinDays: 30,
    files: 1_000,
    bytes: 5_000_000,
    overdue: 3,
    neverRead: 2,
    oldestMs: AT_MS - 86_400_000,
    missMs: null,
    histogram: [
      { daysMax: 7, files: 900, bytes: 1 },
      { daysMax: null, files: 100, bytes: 1 },
    ],
  },
  inMaintenance: false,
  pausedUntilMs: null,
};
const PICTURE: WatchPicture = {
  atMs: AT_MS,
  volumes: [VOLUME, { ...VOLUME, name: 'nightly', role: 'backup', scrub: null, newestMs: AT_MS }],
  hosts: [{ host: 'files', workers: 1, seenMs: AT_MS }],
  incidents: [
    {
      id: 1n,
      kind: 'silent-loss',
      subject: 'school',
      openedMs: AT_MS,
      seenMs: AT_MS,
      closedMs: null,
      size: 7,
      peak: 7,
      clean: 0,
      mutedUntilMs: AT_MS + 1_000,
      detail: {
        reasons: [],
        bytes: 0,
        assessments: [],
        holds: [],
        bundle: null,
        examples: ['/srv/school/a'],
        next: '',
      },
    },
  ],
  messages: { waiting: 1, failed: 2 },
};

interface Asked {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

function ask(listener: Listener, path: string, more: { method?: string; host?: string | null } = {}): Promise<Asked> {
  const { method = 'GET', host = 'localhost' } = more;
  const where = listener.at.startsWith('unix:')
    ? { socketPath: listener.at.slice('unix:'.length) }
    : { host: '127.0.0.1', port: Number(new URL(listener.at).port) };
  return new Promise((resolve, reject) => {
    const asked = request(
      { ...where, path, method, setHost: false, headers: host === null ? {} : { host }, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

async function serve(address: string, metrics: Metrics, nowMs: () => number = () => AT_MS): Promise<Listener> {
  const listener = await openListener({ address, metrics, nowMs });
  onTestFinished(() => listener.close());
  return listener;
}

test('each metric is there with its base unit, and no label is a path or a snapshot', async () => {
  const metrics = await createMetrics('1.2.3');
  await metrics.take({
    picture: {
      ...PICTURE,
      volumes: PICTURE.volumes.map((v) => ({
        ...v,
        pausedUntilMs: AT_MS,
        scrub: v.scrub === null ? null : { ...v.scrub, missMs: AT_MS },
      })),
    },
    atMs: AT_MS,
  });
  const text = metrics.text();
  for (const name of METRIC_NAMES) expect(text, name).toMatch(new RegExp(`^${name}[ {]`, 'm'));
  expect(text).toContain('rollcall_volume_state{volume="school",role="live",state="ok"} 1');
  expect(text).toContain('rollcall_volume_state{volume="school",role="live",state="blind"} 0');
  expect(text).toContain('rollcall_volume_open_findings{volume="school",role="live",verdict="missing"} 7');
  expect(text).toContain('rollcall_volume_audited_timestamp_seconds{volume="school",role="live"} 1764457200');
  expect(text).toContain('rollcall_scrub_files_by_age{volume="school",days="+Inf"} 100');
  expect(text).toContain('rollcall_incident_size{kind="silent-loss",subject="school"} 7');
  expect(text).not.toContain('/srv');
  for (const name of METRIC_NAMES) expect(name).not.toMatch(/_(ms|minutes|hours|days|kb|mb)\b/);
});

test('what is no longer watched is no longer shown, and nothing is fine while the catalog is away', async () => {
  const metrics = await createMetrics('1');
  await metrics.take({ picture: PICTURE, atMs: AT_MS });
  await metrics.take({ picture: { ...PICTURE, volumes: [VOLUME], incidents: [] }, atMs: AT_MS });
  expect(metrics.text()).not.toContain('nightly');
  expect(metrics.text()).not.toContain('silent-loss');
  await metrics.lost();
  expect(metrics.text()).toMatch(/^rollcall_catalog_up 0$/m);
  expect(metrics.text()).not.toMatch(/^rollcall_volume_state\{/m);
  expect(metrics.text()).toMatch(/^rollcall_volume_files\{/m);
});

test('a hostile name stays in its label', async () => {
  const name = 'a"} 1\nrollcall_catalog_up 1\n# HELP x\\';
  const metrics = await createMetrics('1');
  await metrics.take({ picture: { ...PICTURE, volumes: [{ ...VOLUME, name }] }, atMs: AT_MS });
  const lines = metrics.text().split('\n');
  expect(lines.filter((line) => line.startsWith('rollcall_catalog_up'))).toEqual(['rollcall_catalog_up 1']);
  expect(lines.filter((line) => line.startsWith('# HELP x'))).toEqual([]);
  expect(metrics.text()).toContain(String.raw`volume="a\"} 1\nrollcall_catalog_up 1\n# HELP x\\",role="live"} 1000`);
});

test('it is ready while ticks are recent and the catalog answers; it is alive in any case', async () => {
  const metrics = await createMetrics('1');
  let nowMs = AT_MS;
  const listener = await serve('127.0.0.1:0', metrics, () => nowMs);
  const readiness = async (): Promise<number> => (await ask(listener, '/readyz')).status;
  expect(await readiness()).toBe(503);
  await metrics.take({ picture: null, atMs: AT_MS });
  expect(await readiness()).toBe(200);
  nowMs += 180_001;
  expect(await readiness()).toBe(503);
  await metrics.take({ picture: null, atMs: nowMs });
  await metrics.lost();
  expect(await readiness()).toBe(503);
  expect(await ask(listener, '/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
});

test('only GET and HEAD, and only under a name of loopback, are answered', async () => {
  const metrics = await createMetrics('1');
  await metrics.take({ picture: PICTURE, atMs: AT_MS });
  const listener = await serve('127.0.0.1:0', metrics);
  const whole = await ask(listener, '/metrics?x=1', { host: 'LOCALHOST:9642' });
  expect(whole).toMatchObject({ status: 200, body: metrics.text() });
  expect(whole.headers['content-type']).toContain('version=0.0.4');
  expect(await ask(listener, '/metrics', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    expect(await ask(listener, '/metrics', { method })).toMatchObject({ status: 405 });
  for (const host of ['evil.example', 'evil.example:9642', 'localhost.evil.example', '127.0.0.1.nip.io', ''])
    expect(await ask(listener, '/metrics', { host }), host).toMatchObject({ status: 421 });
  expect(await ask(listener, '/metrics/../etc/passwd')).toMatchObject({ status: 404 });
});

test('an address that others reach is refused', () => {
  const others = ['0.0.0.0:9642', ':9642', '9642', '*:9642', '[::]:9642', '192.168.1.5:9642', 'files.example:9642'];
  for (const address of [
    ...others,
    '127.0.0.1',
    'localhost:99999',
    'unix:relative.sock',
    `unix:/${'x'.repeat(107)}`,
    '',
  ])
    expect(() => parseAddress(address), address).toThrow(/loopback|socket/);
  expect(parseAddress('[::1]:1')).toEqual({ kind: 'tcp', host: '::1', port: 1 });
});

test('a socket is its owner’s alone; one that was left is replaced, and nothing else is', async () => {
  const metrics = await createMetrics('1');
  const path = join(base, 'm.sock');
  const first = await openListener({ address: `unix:${path}`, metrics, nowMs: () => AT_MS });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await ask(first, '/healthz')).toMatchObject({ status: 200 });
  await expect(openListener({ address: `unix:${path}`, metrics, nowMs: () => AT_MS })).rejects.toThrow(
    'process that runs',
  );
  await first.close();

  const left = join(base, 'left.sock');
  const dead = createServer().listen(left);
  await new Promise((resolve) => dead.once('listening', resolve));
  // As a process that was killed leaves it.
  rmSync(path, { force: true });
  linkSync(left, path);
  await new Promise((resolve) => dead.close(resolve));
  const second = await serve(`unix:${path}`, metrics);
  expect(await ask(second, '/healthz')).toMatchObject({ status: 200 });

  const file = join(base, 'file');
  writeFileSync(file, 'mine');
  await expect(openListener({ address: `unix:${file}`, metrics, nowMs: () => AT_MS })).rejects.toThrow('no socket');
  const taken = await serve('127.0.0.1:0', metrics);
  const port = new URL(taken.at).port;
  await expect(openListener({ address: `127.0.0.1:${port}`, metrics, nowMs: () => AT_MS })).rejects.toThrow(
    'Cannot listen',
  );
});

test('close does not wait for a client that says nothing', async () => {
  const listener = await openListener({
    address: '127.0.0.1:0',
    metrics: await createMetrics('1'),
    nowMs: () => AT_MS,
  });
  const silent = connect(Number(new URL(listener.at).port), '127.0.0.1');
  await new Promise((resolve) => silent.once('connect', resolve));
  silent.on('error', () => {});
  const ended = new Promise((resolve) => silent.once('close', resolve));
  await listener.close();
  await ended;
});
