// The systemd units: systemd itself finds nothing wrong with them, and what they name exists.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from '../support/machine.ts';
import { REPOSITORY } from '../support/programs.ts';

const SERVICES = ['rollcall-worker.service', 'rollcall-serve.service'];
const HOME = '/opt/rollcall';
/** Tenths of the figure that systemd-analyze security gives. */
const EXPOSURE_MAX = 30;
const deploy = (name: string): string => join(REPOSITORY, 'deploy', name);
const dropInsOf = (service: string): string[] => readdirSync(deploy(`${service}.d`));
const cannot = have('systemd-analyze') ? '' : ' (skipped: no systemd-analyze here: apt-get install systemd)';

let units: string;
beforeAll(() => {
  units = mkdtempSync(join(tmpdir(), 'rollcall-units-'));
});
afterAll(() => rmSync(units, { recursive: true, force: true }));

/** The units as they are installed, with the program where this checkout has it. */
function installed(which: string, withDropIns: readonly string[]): string {
  const at = mkdtempSync(join(units, 'etc-'));
  for (const name of readdirSync(REPOSITORY + '/deploy').filter((name) => /\.(service|slice)$/.test(name)))
    cpSync(deploy(name), join(at, name));
  const service = join(at, which);
  writeFileSync(service, readFileSync(service, 'utf8').replaceAll(`${HOME}/`, `${REPOSITORY}/`));
  for (const name of withDropIns) cpSync(deploy(`${which}.d/${name}`), join(at, `${which}.d`, name));
  return at;
}

function analyze(at: string, ...args: string[]) {
  return spawnSync('systemd-analyze', args, { encoding: 'utf8', env: { ...process.env, SYSTEMD_UNIT_PATH: `${at}:` } });
}

/** What a unit and its drop-ins say of a key, in order. */
function said(key: string, files: readonly string[]): string[] {
  const text = files.map((file) => readFileSync(deploy(file), 'utf8')).join('\n');
  return [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].flatMap((match) => (match[1] ?? '').split(' '));
}

describe.each(SERVICES)('%s', (service) => {
  const dropIns = dropInsOf(service);

  it.skipIf(cannot !== '').each([[[]], [['redis.conf']], [dropIns]])(
    `systemd finds nothing wrong with it, and what it leaves open is little, with %j${cannot}`,
    (withDropIns) => {
      const at = installed(service, withDropIns);
      const verified = analyze(at, 'verify', join(at, service), join(at, 'rollcall.slice'));
      expect({ status: verified.status, said: verified.stdout + verified.stderr }).toEqual({ status: 0, said: '' });
      const security = analyze(
        at,
        'security',
        '--offline=true',
        `--threshold=${EXPOSURE_MAX}`,
        '--no-pager',
        join(at, service),
      );
      expect(security.stdout).toContain('Overall exposure level');
      expect(security.status, security.stdout).toBe(0);
    },
  );

  it('names what a checkout or a package at /opt/rollcall has', () => {
    const paths = [...said('ExecStart', [service]).slice(0, 1), ...said('Documentation', [service, 'rollcall.slice'])];
    for (const path of paths) {
      const below = path.replace(/^file:\/\//, '');
      expect(below.startsWith(`${HOME}/`), path).toBe(true);
      expect(existsSync(join(REPOSITORY, below.slice(HOME.length))), path).toBe(true);
    }
    expect(said('Slice', [service])).toEqual(['rollcall.slice']);
  });

  it('what is set is read: each credential by a variable, the state directory by the program', () => {
    const all = [service, ...dropIns.map((name) => `${service}.d/${name}`)];
    const variables = Object.fromEntries(said('Environment', all).map((pair) => pair.split('=') as [string, string]));
    const credentials = said('LoadCredential', all).map((pair) => pair.split(':')[0]);
    expect(credentials).toEqual(['database-url', 'redis-url']);
    expect(variables).toMatchObject({
      DATABASE_URL_FILE: '%d/database-url',
      REDIS_URL_FILE: '%d/redis-url',
      ROLLCALL_STATE_DIR: `/var/lib/${said('StateDirectory', [service])[0]}`,
    });
  });

  it('sees all that there is: nothing that a volume may be on is hidden or replaced', () => {
    const of = (key: string): string[] => said(key, [service]);
    expect(of('ProtectHome')).toEqual(['read-only']);
    expect(of('ProtectSystem')).toEqual(['strict']);
    expect(of('PrivateTmp')).toEqual(['no']);
    for (const key of ['PrivateDevices', 'PrivateUsers', 'InaccessiblePaths', 'TemporaryFileSystem', 'RootDirectory'])
      expect([key, of(key)]).toEqual([key, []]);
    // An idle or failed one comes back whatever happened.
    expect([of('Restart'), of('StartLimitIntervalSec')]).toEqual([['always'], ['0']]);
  });
});
