// docker-compose.yml: the compose specification's own schema accepts it, and what it names exists. Docker itself is not
// asked.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../cli/config.ts';
import { have } from '../support/machine.ts';
import { REPOSITORY } from '../support/programs.ts';
import { REDIS_MISSING, startRedis } from '../support/redis.ts';
import { composeText, composeVariables, copyParts, type Mount, readCompose, readDockerfile } from './compose-file.ts';

const NEEDED = { ROLLCALL_HOST: 'centre', ROLLCALL_VOLUMES: '/srv' };
const file = readCompose(NEEDED);
const services = Object.entries(file.services);
const { postgres, redis, worker } = file.services;
if (postgres === undefined || redis === undefined || worker === undefined) throw new Error('a service is missing');

/**
 * Keys of today that the schema of 2021 does not know, and what they may be. `name` (of the project) came into the
 * specification in 2022: compose-spec/spec.md, "Name top-level element".
 */
const NEWER: Readonly<Record<string, RegExp>> = { name: /^[a-z0-9][a-z0-9_-]*$/ };

/** The schema calls itself and its parts by `id`, as drafts before 2019 do; ajv refuses the word. */
function validator() {
  const text = readFileSync(join(import.meta.dirname, 'compose-spec/compose-spec.json'), 'utf8');
  const schema: unknown = JSON.parse(text, (key, value: unknown) =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
  );
  const port = String.raw`\d+(-\d+)?`;
  const formats = {
    duration: /^(\d+(\.\d+)?(us|ms|s|m|h))+$/,
    ports: new RegExp(String.raw`^(([\d.]+:)?${port}:)?${port}(/(tcp|udp))?$`),
    expose: new RegExp(`^${port}(/(tcp|udp))?$`),
    subnet_ip_address: /^[\d.]+\/\d+$/,
  };
  return new Ajv2019({ strict: false, allErrors: true, formats }).compile(schema as object);
}

it('the schema of the compose specification accepts it, but for the keys that are newer than the schema', () => {
  const validate = validator();
  validate(file);
  const refused = (validate.errors ?? []).map((error) => [error.instancePath, error.params['additionalProperty']]);
  expect(refused).toEqual(Object.keys(NEWER).map((key) => ['', key]));
  for (const [key, form] of Object.entries(NEWER)) expect(Reflect.get(file, key)).toMatch(form);
  // It does look.
  const wrong = { services: { ...file.services, redis: { ...redis, healthchek: {}, stop_grace_period: '30 s' } } };
  validate(wrong);
  expect(validate.errors?.map((error) => error.instancePath)).toEqual([
    '/services/redis',
    '/services/redis/stop_grace_period',
  ]);
});

it('says what must be set, and every variable that it asks for is explained', () => {
  for (const name of Object.keys(NEEDED))
    expect(() => readCompose({ ...NEEDED, [name]: '' }), name).toThrow(`set ${name} to`);
  const pages = ['docs/queue.md', 'docs/operating.md'].map((page) => readFileSync(join(REPOSITORY, page), 'utf8'));
  for (const name of composeVariables) if (name !== 'TZ') expect(pages.join('\n'), name).toContain(name);
});

it('secrets are files that the head of the file makes, each used, and named where the program looks for it', () => {
  const used = services.flatMap(([, service]) => service.secrets);
  expect(used.toSorted()).toEqual(Object.keys(file.secrets).toSorted());
  const head = composeText.slice(0, composeText.indexOf('\nname:'));
  for (const { file: path } of Object.values(file.secrets)) {
    const [, directory, name = ''] = /^(.*)\/([^/]+)$/.exec(path) ?? [];
    expect(head).toContain(`cd ${directory}`);
    expect(head).toMatch(new RegExp(`>${name}\\b`));
  }
  for (const [name, service] of services) {
    const said = [...Object.values(service.environment), ...(service.command ?? [])];
    const paths = said.filter((word) => word.startsWith('/run/secrets/'));
    expect(paths.toSorted(), name).toEqual(service.secrets.map((secret) => `/run/secrets/${secret}`).toSorted());
  }
});

it('no password is in the file, in an environment or on a command line', () => {
  for (const [name, service] of services) {
    for (const key of Object.keys(service.environment))
      if (/PASS|SECRET|TOKEN|URL/.test(key)) expect(key, name).toMatch(/_FILE$/);
    const words = [...(service.command ?? []), ...(service.healthcheck?.test ?? [])].join(' ');
    expect(words, name).not.toMatch(/requirepass|--pass|(^| )-a |:\/\//);
  }
  // Whatever is in a URL as a password is a variable of the shell.
  for (const [, password] of composeText.matchAll(/:\/\/[a-z]*:([^@\s]+)@/g)) expect(password).toMatch(/^\$[a-z]$/);
  for (const [, password] of composeText.matchAll(/requirepass (\S+?)\\n/g)) expect(password).toBe('%s');
});

/** What the images' own start reads (their documentation on Docker Hub); TZ: every C library, and Node. */
const IMAGES_READ: Readonly<Record<string, readonly string[]>> = {
  postgres: ['POSTGRES_USER', 'POSTGRES_PASSWORD_FILE', 'POSTGRES_DB', 'POSTGRES_INITDB_ARGS', 'TZ'],
  redis: ['TZ'],
};

it('each environment variable is one that the program reads', () => {
  for (const [name, known] of Object.entries(IMAGES_READ))
    for (const key of Object.keys(file.services[name]?.environment ?? {})) expect(known).toContain(key);
  const asked = new Set<string>();
  const environment = new Proxy<Record<string, string>>({}, { get: (_, key) => (asked.add(String(key)), undefined) });
  readConfig(environment, '/state');
  for (const key of Object.keys(worker.environment)) if (key !== 'TZ') expect([...asked]).toContain(key);
});

it('ports are published at ROLLCALL_LISTEN alone, at home unless set, and the URLs name services and their ports', () => {
  const published = (listen?: string) =>
    Object.values(readCompose(listen === undefined ? NEEDED : { ...NEEDED, ROLLCALL_LISTEN: listen }).services).map(
      (service) => service.ports ?? [],
    );
  const at = (address: string) => [[`${address}:5432:5432`], [`${address}:6379:6379`], []];
  expect(published()).toEqual(at('127.0.0.1'));
  expect(published('10.1.2.3')).toEqual(at('10.1.2.3'));
  const urls = [...composeText.matchAll(/@([a-z]+):(\d+)/g)].map(([, host = '', port = '']) => ({ host, port }));
  expect(urls.map(({ host }) => host)).toEqual(['postgres', 'redis']);
  for (const { host, port } of urls) expect(file.services[host]?.ports?.[0]).toMatch(new RegExp(`:${port}$`));
  expect(composeText).toContain(
    `postgresql://${postgres.environment['POSTGRES_USER']}:$p@postgres:5432/${postgres.environment['POSTGRES_DB']}`,
  );
});

it('who waits for a service waits for one that is there and has a health check', () => {
  for (const [name, service] of services)
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(Object.keys(file.services), name).toContain(other);
      expect(condition).toBe('service_healthy');
      expect(file.services[other]?.healthcheck, other).toBeDefined();
    }
  expect(postgres.healthcheck?.test.slice(0, 2)).toEqual(['CMD', 'pg_isready']);
  const asked = postgres.healthcheck?.test ?? [];
  expect(asked).toContain(`--username=${postgres.environment['POSTGRES_USER']}`);
  expect(asked).toContain(`--dbname=${postgres.environment['POSTGRES_DB']}`);
  expect([postgres.image, redis.image]).toEqual(['postgres:17-bookworm', 'redis:7-bookworm']);
});

const noRedis = REDIS_MISSING ?? (have('redis-cli') ? null : 'no redis-cli here: apt-get install redis-tools');
it.skipIf(noRedis !== null)(
  `Redis with the password of redis.conf is healthy, and one that is away is not${noRedis === null ? '' : ` (skipped: ${noRedis})`}`,
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rollcall-compose-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    // What follows the file in the command is taken by a real server, too.
    const [program, conf, ...options] = redis.command ?? [];
    expect([program, conf]).toEqual(['redis-server', '/run/secrets/redis.conf']);
    const server = await startRedis(['--requirepass', 'a0b1', ...options]);
    onTestFinished(() => server.close());
    const [kind, script = ''] = redis.healthcheck?.test ?? [];
    expect(kind).toBe('CMD-SHELL');
    const own = script.replace('redis-cli', `redis-cli -s '${server.redisUrl}'`);
    writeFileSync(join(directory, 'check.sh'), own);
    const healthy = () => spawnSync('sh', [join(directory, 'check.sh')], { stdio: 'ignore' }).status;
    expect(healthy()).toBe(0);
    await server.kill();
    expect(healthy()).toBe(1);
  },
);

it('volumes keep their paths, live data cannot be written to, and named volumes exist', () => {
  const named = services.flatMap(([, { volumes }]) => volumes.filter((volume) => typeof volume === 'string'));
  expect(named.map((volume) => volume.split(':')[0])).toEqual(Object.keys(file.volumes));
  expect(named.map((volume) => volume.split(':')[1])).toEqual(['/var/lib/postgresql/data', '/data']);
  const binds = worker.volumes.filter((volume): volume is Mount => typeof volume !== 'string');
  for (const { type, source, target } of binds) expect([type, source]).toEqual(['bind', target]);
  expect(binds.map(({ source, read_only }) => [source, read_only ?? false])).toEqual([
    ['/srv', true],
    // Never the state directory of a Rollcall outside.
    ['/var/lib/rollcall-bundles', false],
  ]);
});

it('the worker has the rights of the systemd unit, and no other', () => {
  const unit = readFileSync(join(REPOSITORY, 'deploy/rollcall-worker.service'), 'utf8');
  const [, allowed = ''] = /^CapabilityBoundingSet=(.+)$/m.exec(unit) ?? [];
  expect(worker.cap_drop).toEqual(['ALL']);
  expect(worker.cap_add?.map((name) => `CAP_${name}`).toSorted()).toEqual(allowed.split(' ').toSorted());
  expect([worker.security_opt, worker.read_only, worker.tmpfs]).toEqual([['no-new-privileges:true'], true, ['/tmp']]);
  // Root without rights: added capabilities reach a user other than root only through files, which they would not.
  const steps = readDockerfile(join(REPOSITORY, worker.build?.dockerfile ?? '')).flatMap((stage) => stage.steps);
  expect([worker.user, steps.filter(({ word }) => word === 'USER')]).toEqual([undefined, []]);
});

it('the image is built of files that a checkout has', () => {
  expect(worker.build).toEqual({ context: '.', dockerfile: 'deploy/Dockerfile' });
  const stages = readDockerfile();
  const names = stages.map(({ name }) => name);
  const copies = stages.flatMap(({ steps }) => steps.filter(({ word }) => word === 'COPY'));
  expect(copies.length).toBeGreaterThan(5);
  for (const { rest } of copies) {
    const { from, sources } = copyParts(rest);
    if (from !== null) expect(names).toContain(from);
    else for (const source of sources) expect(existsSync(join(REPOSITORY, source)), source).toBe(true);
  }
});
