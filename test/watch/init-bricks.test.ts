// rollcall init on a server with bricks, as a command, under a /var/lib of its own: in the place of a GlusterFS mount,
// or of one brick, the bricks that glusterd of this server knows are proposed, and nothing on the mount is touched.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseConfiguration } from '../../services/watch/config/configuration-file.ts';
import { BrickVolume, bricksAsTheyAre, setsTrusted } from '../support/brick-volume.ts';
import { canFuse, openFuse, PLAIN } from '../support/fuse.ts';
import { canMount } from '../support/machine.ts';
import { runs } from '../support/processes.ts';
import { CLI } from '../support/programs.ts';
import { temporaryDirectory } from '../support/tree.ts';

const OWN = '11111111-2222-3333-4444-555555555555';
const OTHER = '99999999-2222-3333-4444-555555555555';

interface Recorded {
  readonly host: string;
  readonly path: string;
  readonly server: string;
}

/** A volume with a file, its backup, and what glusterd would have written down of it. */
function world(bricks: (roots: readonly string[]) => readonly Recorded[]) {
  const base = temporaryDirectory('rollcall-init-');
  const made = new BrickVolume(base, 2);
  made.directory('home');
  made.file('home/a', 'a');
  made.settle();
  mkdirSync(join(base, 'backup/2026-11-28/home'), { recursive: true });
  writeFileSync(join(base, 'backup/2026-11-28/home/a'), 'a');
  cpSync(join(base, 'backup/2026-11-28'), join(base, 'backup/2026-11-29'), { recursive: true });
  const get = ['--only-values', '--absolute-names', '-n', 'trusted.glusterfs.volume-id', made.roots[0] ?? ''];
  const id = execFileSync('getfattr', get).toString('hex');
  const dashed = id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  const recorded = bricks(made.roots);
  const volume = join(base, 'var/glusterd/vols/projects');
  mkdirSync(join(volume, 'bricks'), { recursive: true });
  writeFileSync(join(base, 'var/glusterd/glusterd.info'), `UUID=${OWN}\noperating-version=100000\n`);
  const names = recorded.map(({ host, path }) => `${host}:${path.replaceAll('/', '-')}`);
  const lines = ['type=0', 'replica_count=1', `volume-id=${dashed}`, ...names.map((name, at) => `brick-${at}=${name}`)];
  writeFileSync(join(volume, 'info'), `${lines.join('\n')}\n`);
  for (const [at, { host, path, server }] of recorded.entries()) {
    const brick = [`uuid=${server}`, `hostname=${host}`, `path=${path}`, `brick-id=projects-client-${at}`];
    writeFileSync(join(volume, 'bricks', names[at] ?? ''), `${brick.join('\n')}\n`);
  }
  return { base, made };
}

const INSIDE = 'mount -t tmpfs none /var/lib; cp -a "$0/var/glusterd" /var/lib/; cd "$0"; exec "$@"';

const init = (base: string, ...words: readonly string[]) =>
  runs(['unshare', '--mount', 'sh', '-ec', INSIDE, base, process.execPath, CLI, 'init', ...words], {
    env: { ...process.env, ROLLCALL_HOST: 'store', DATABASE_URL: '' },
  });

/** The file that was written, as apply reads it. */
function written(base: string) {
  const parsed = parseConfiguration(readFileSync(join(base, 'rollcall.yaml')), { host: 'store', timeZone: 'UTC' });
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.configuration;
}

describe.skipIf(!setsTrusted || !canMount)('init on a server with bricks (root, attr and mounts needed)', () => {
  test.skipIf(!canFuse)('proposes the bricks instead of the mount that would be refused', async () => {
    const { base, made } = world((roots) => [
      ...roots.map((path) => ({ host: 'store', path, server: OWN })),
      { host: 'store-2', path: '/bricks/b3', server: OTHER },
    ]);
    const served = await openFuse(base, PLAIN, 'ro', join(base, 'mnt/gv'), 'glusterfs localhost:/projects');
    served.said();
    const before = bricksAsTheyAre(made.roots);
    const { status, stdout, stderr } = await init(base, join(base, 'mnt/gv'), join(base, 'backup'));
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('the bricks of projects on this host, instead of ');
    expect(stdout).toContain('not on this host, and so unknown: store-2:/bricks/b3');
    expect(written(base)).toMatchObject({
      volumes: [{ name: 'projects', host: 'store', layout: 'gluster', path: made.live, backups: ['projects-backup'] }],
      backups: [{ pattern: `${base}/backup/*` }],
    });
    const text = readFileSync(join(base, 'rollcall.yaml'), 'utf8');
    expect(text.replaceAll(/\n\s+# /g, ' ')).toContain('bricks of the volume projects that are on this host');
    expect(served.said()).toEqual([]);
    expect(bricksAsTheyAre(made.roots)).toBe(before);
  });

  test.skipIf(!canFuse)('says where the bricks are, and the order of work, where it has none of them', async () => {
    const { base } = world((roots) => roots.map((path) => ({ host: 'store-2', path, server: OTHER })));
    const served = await openFuse(base, PLAIN, 'ro', join(base, 'mnt/gv'), 'glusterfs localhost:/projects');
    served.said();
    const { status, stderr } = await init(base, join(base, 'mnt/gv'), join(base, 'backup'));
    expect(status).toBe(4);
    expect(stderr).toContain(`None of its bricks is on this server: store-2:${base}/b1`);
    expect(stderr).toContain('Run rollcall init on a server that has bricks');
    expect(stderr).toContain('Order of work: stop everything that writes');
    expect(served.said()).toEqual([]);
  });

  test('proposes all bricks for one of them, and takes them as they are named', async () => {
    const { base, made } = world((roots) => roots.map((path) => ({ host: 'store', path, server: OWN })));
    const [first = ''] = made.roots;
    expect(await init(base, first, join(base, 'backup'))).toMatchObject({ status: 0, stderr: '' });
    expect(written(base).volumes).toMatchObject([{ name: 'projects', path: made.live }]);
    const named = await init(base, '--out', '-', made.live, join(base, 'backup'));
    expect(named).toMatchObject({ status: 0, stderr: '' });
    expect(named.stdout).toContain(`bricks: [${made.roots.join(', ')}]`);
    expect(named.stdout).toContain('On 2 bricks of GlusterFS');
  });
});
