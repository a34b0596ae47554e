// A machine within this one for real GlusterFS: mount, network, UTS, IPC and process namespaces of its own, in which
// bricks on loop devices are mounted and glusterd runs. All of it ends with one process: the kernel ends what runs in
// there and unmounts what is mounted, also where the tests were killed, because that process waits for the end of its
// input.
import { type ChildProcess, spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, onTestFinished } from 'vitest';
import { encodePath } from '../../domain/path.ts';
import { canMount, have, run } from '../support/machine.ts';
import { until } from '../support/poll.ts';
import { makeDirectory, removeTree } from '../support/tree.ts';

const NEEDED = [
  'glusterd',
  'gluster',
  'mount.glusterfs',
  'ip',
  'hostname',
  'mkfs.btrfs',
  'mkfs.ext4',
  'btrfs',
  'rsync',
  'strace',
  'debugfs',
  'getfattr',
  'unshare',
  'nsenter',
];
/** A command that takes longer hangs: all are small. */
const HANGS_MS = 150_000;
/** Of what a script that failed has said. */
const SAID_BYTES_MAX = 2_000;
export const HOST = 'labhost';
const ADDRESS = '10.99.0.1';
const VOLUME = 'gv';

/** Why the lab cannot run here, or null. */
function whyNoLab(): string | null {
  if (process.getuid?.() !== 0) return 'root is needed';
  const absent = NEEDED.filter((program) => !have(program));
  if (absent.length > 0) return `not installed: ${absent.join(', ')}`;
  if (!canMount) return 'nothing can be mounted here';
  if (spawnSync('unshare', ['--mount', '--net', '--uts', '--ipc', '--pid', '--fork', 'true']).status !== 0)
    return 'namespaces cannot be made here';
  if (spawnSync('test', ['-c', '/dev/fuse']).status !== 0) return 'there is no /dev/fuse';
  if (spawnSync('losetup', ['-f'], { stdio: 'ignore' }).status !== 0) return 'there are no loop devices';
  return null;
}

/** Cases of the lab, or the reason why they are skipped. */
export function describeLab(name: string, cases: () => void): void {
  const why = whyNoLab();
  if (why !== null) console.log(`the lab is skipped: ${why}`);
  describe.skipIf(why !== null)(`GlusterFS: ${name}${why === null ? '' : ` (skipped: ${why})`}`, cases);
}

function childOf(pid: string): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
}

/** Records that end with a zero byte each. */
export function records(all: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let from = 0; from < all.length; ) {
    const end = all.indexOf(0, from);
    found.push(all.subarray(from, end));
    from = end + 1;
  }
  return found;
}

export interface Brick {
  readonly name: string;
  readonly type: 'ext4' | 'btrfs';
}

export class World {
  /** Seen alike from inside and outside; what is mounted in there is seen from inside only. */
  readonly base = makeDirectory('rollcall-lab-');
  /** Where the volume is mounted, inside. */
  readonly mount = join(this.base, 'mount');
  /** Snapshots of the nights, inside. */
  readonly nights = join(this.base, 'backup/nights');
  readonly #holder: ChildProcess;
  #first = '';
  #bricks: readonly Brick[] = [];

  private constructor() {
    const namespaces = ['--mount', '--net', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc'];
    // A shell, because the first process has to take leave of those whose parents are gone.
    const first = ['bash', '-c', 'exec 3<&0; cat <&3 & wait $!'];
    // The shell around it removes what lies on the disk, in a process group of its own: nobody's Ctrl-C ends it.
    const script = 'base=$1; shift; unshare "$@"; rm -rf --one-file-system -- "$base"';
    const words = [this.base, ...namespaces, '--propagation', 'private', ...first];
    this.#holder = spawn('sh', ['-c', script, 'sh', ...words], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  }

  /**
   * Gone when the test is over, whatever came of it.
   *
   * @param atTheEnd takes what closes a world that several tests share, for their afterAll
   */
  static async open(atTheEnd: (close: () => Promise<void>) => void = onTestFinished): Promise<World> {
    const world = new World();
    atTheEnd(() => world.close());
    await until('the namespaces are there', () => {
      const unshare = childOf(`${world.#holder.pid ?? 0}`);
      world.#first = unshare === '' ? '' : childOf(unshare);
      return world.#first !== '' && readFileSync(`/proc/${world.#first}/comm`, 'utf8') === 'bash\n';
    });
    world.#begin();
    return world;
  }

  /** As `rollcall assess --live` takes it. */
  get live(): string {
    return this.liveOf(this.#bricks);
  }

  liveOf(bricks: readonly Brick[]): string {
    return `gluster:${bricks.map((brick) => this.root(brick)).join(',')}`;
  }

  get bricks(): readonly Brick[] {
    return this.#bricks;
  }

  root({ name }: Brick): string {
    return join(this.base, name, 'brick');
  }

  /** Runs a script of bash in there; throws with what it said where it fails. */
  sh(script: string): Buffer {
    const { status, stdout, stderr } = this.#enter(['bash', '-euo', 'pipefail', '-c', script]);
    // What it has listed until then may be long.
    const last = Buffer.concat([stdout, stderr]).subarray(-SAID_BYTES_MAX).toString();
    if (status !== 0) throw new Error(`${script}\nended with ${status}: ${last}`);
    return stdout;
  }

  /** Runs a command in there to its end, whatever that is. */
  try(
    command: readonly string[],
    env: NodeJS.ProcessEnv = process.env,
  ): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
    const { status, stdout, stderr } = this.#enter(command, env);
    return { status, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  gluster(...words: readonly string[]): string {
    return this.sh(`gluster --mode=script ${words.join(' ')}`).toString();
  }

  /**
   * Mounts bricks on loop devices, and makes the volume of them or adds them to it.
   *
   * @param kind as `gluster volume create` is told it: 'replica 2'
   */
  addBricks(bricks: readonly Brick[], kind = ''): void {
    const isFirst = this.#bricks.length === 0;
    for (const brick of bricks) {
      this.sh(`cd ${this.base}; truncate -s 384M ${brick.name}.img; mkdir ${brick.name}
        mkfs.${brick.type} -q ${brick.name}.img; ${this.#mountBrick(brick)}; mkdir ${this.root(brick)}`);
    }
    this.#bricks = [...this.#bricks, ...bricks];
    const places = bricks.map((brick) => `${HOST}:${this.root(brick)}`).join(' ');
    // One server has all replicas: glusterd wants to be forced to that.
    const words = kind === '' ? places : `${kind} ${places} force`;
    this.gluster(`volume ${isFirst ? 'create' : 'add-brick'} ${VOLUME} ${words}`);
    if (isFirst) this.gluster(`volume start ${VOLUME}`);
  }

  mountVolume(): void {
    this.sh(
      `mkdir -p ${this.mount}; mount -t glusterfs ${HOST}:/${VOLUME} ${this.mount} >>${this.base}/mount.log 2>&1`,
    );
  }

  unmountVolume(): void {
    this.sh(`umount ${this.mount}`);
  }

  /** Copies the volume into the backup, by rsync as every night, and keeps a snapshot. */
  night(date: string): void {
    this.sh(`cd ${this.base}/backup; rsync -aHS --delete ${this.mount}/ current/; sync -f current
      btrfs -q subvolume snapshot -r current nights/${date}`);
  }

  /** All that is on the bricks is on their disks, and nothing of other worlds: their power may be about to go. */
  settle(): void {
    this.sh(`sync -f ${this.#bricks.map((brick) => this.root(brick)).join(' ')}`);
  }

  /** The rebalance of the whole volume, to its end. */
  async rebalance(): Promise<void> {
    this.startRebalance();
    await this.rebalanced();
  }

  async rebalanced(): Promise<void> {
    await until('the rebalance has ended', () => this.rebalanceStatus() === 'completed', HANGS_MS);
  }

  startRebalance(): void {
    this.gluster(`volume rebalance ${VOLUME} start force`);
  }

  /** New ranges of hashes for every directory; no file is moved. */
  async fixLayout(): Promise<void> {
    this.gluster(`volume rebalance ${VOLUME} fix-layout start`);
    await until('the layout is fixed', () => this.rebalanceStatus() === 'fix-layout completed', HANGS_MS);
  }

  /** The process that moves files, by its id in there; '' where none runs. */
  get rebalancePid(): string {
    return this.#running(`/var/lib/glusterd/vols/${VOLUME}/rebalance/*.pid`);
  }

  /** Undefined where glusterd cannot tell for the moment: it asks a process that may be about to end. */
  rebalanceStatus(): string | undefined {
    const { stdout } = this.try(['gluster', '--mode=script', 'volume', 'rebalance', VOLUME, 'status', '--xml']);
    return /<aggregate>[\s\S]*<statusStr>(.*?)<\/statusStr>/.exec(stdout)?.[1];
  }

  /** The process that serves a brick, by its id in there; '' where none runs. */
  brickPid(brick: Brick): string {
    return this.#running(`/run/gluster/vols/${VOLUME}/${HOST}-${this.root(brick).slice(1).replaceAll('/', '-')}.pid`);
  }

  /** Ends a process in there at once. */
  kill(pid: string): void {
    if (pid !== '') this.sh(`kill -KILL ${pid} || true; while [ -e /proc/${pid} ]; do sleep 0.02; done`);
  }

  /** The brick's process is killed and its file system unmounted; an empty directory or none is where it was. */
  unplug(brick: Brick, leaves: 'an empty directory' | 'nothing'): void {
    this.kill(this.brickPid(brick));
    this.sh(`umount ${this.base}/${brick.name}`);
    if (leaves === 'an empty directory') mkdirSync(this.root(brick));
  }

  /** Its file system is mounted again; its process does not run. */
  plug(brick: Brick): void {
    this.sh(`if [ -d ${this.root(brick)} ]; then rmdir ${this.root(brick)}; fi; ${this.#mountBrick(brick)}`);
  }

  /** The image that a brick's file system is in, seen from everywhere. */
  image({ name }: Brick): string {
    return join(this.base, `${name}.img`);
  }

  /** Starts the bricks that do not run. */
  async startBricks(): Promise<void> {
    this.gluster(`volume start ${VOLUME} force`);
    await until(
      'all bricks answer',
      () => this.gluster(`volume status ${VOLUME} --xml`).split('<status>1</status>').length > this.#bricks.length,
    );
  }

  /** Ends a brick's process; its disk stays where it is. */
  killBrick(brick: Brick): void {
    this.sh(`pid=${this.#pidOf(brick)}; kill -KILL $pid; while [ -e /proc/$pid ]; do sleep 0.05; done`);
  }

  /** What replicas owe one another is settled, as the daemon does it by itself where it is on. */
  async heal(): Promise<void> {
    this.gluster(`volume set ${VOLUME} cluster.self-heal-daemon on`);
    await until(
      'nothing is left to be healed',
      () => {
        this.try(['gluster', '--mode=script', 'volume', 'heal', VOLUME]);
        const { status, stdout } = this.try(['gluster', '--mode=script', 'volume', 'heal', VOLUME, 'info', '--xml']);
        const counts = [...stdout.matchAll(/<numberOfEntries>(.*?)<\/numberOfEntries>/g)].map(([, count]) => count);
        return status === 0 && counts.length === this.#bricks.length && counts.every((count) => count === '0');
      },
      HANGS_MS,
    );
    this.gluster(`volume set ${VOLUME} cluster.self-heal-daemon off`);
  }

  /**
   * The power of a brick's server goes: what its file system had on disk at that moment is all that is left. The other
   * bricks lose nothing.
   */
  cutPower(brick: Brick): void {
    const { name } = brick;
    const others = this.#bricks.filter((other) => other !== brick).map((other) => this.root(other));
    this.sh(`cd ${this.base}
      pid=${this.#pidOf(brick)}
      kill -STOP $pid; cp --sparse=always ${name}.img ${name}.then; kill -KILL $pid
      while [ -e /proc/$pid ]; do sleep 0.05; done
      sync -f ${others.join(' ')}; umount ${name}; mv ${name}.then ${name}.img; ${this.#mountBrick(brick)}`);
  }

  /**
   * Files on the bricks that are content under the marks of a pointer, by their bytes: what a look through a mount can
   * destroy.
   */
  hidden(): Buffer[] {
    const roots = this.#bricks.map((brick) => this.root(brick)).join(' ');
    const find = `find ${roots} -path '*/brick/.glusterfs' -prune -o -type f -perm 1000 -size +0 -print0 | sort -z`;
    return records(this.sh(find));
  }

  /** All that lies on the bricks, with modes, sizes, times and attributes: what a look must not change. */
  bricksAsTheyAre(): string {
    return this.sh(this.#surveyed).toString('latin1');
  }

  /** The same where disks fail on some of it: what they say to that is a part of it. */
  damagedBricksAsTheyAre(): string {
    return this.sh(`{ ${this.#surveyed}; } 2>&1 || true`).toString('latin1');
  }

  get #surveyed(): string {
    const roots = this.#bricks.map((brick) => this.root(brick)).join(' ');
    // The brick's own process writes it now and then, to see whether the disk answers.
    const sign = '-path */brick/.glusterfs -o -path */brick/.glusterfs/health_check';
    return `set -f; find ${roots} ${sign} -o -printf '%p %y %m %s %n %T@ %C@ %U %G %i\\0' | sort -z
      getfattr -R -h -d -m . -e hex --absolute-names ${roots}`;
  }

  /** SHA-256 of every file through the mount, by its path. */
  digests(): Map<string, string> {
    const lines = records(this.sh(`cd ${this.mount}; find . -type f -print0 | xargs -0r sha256sum -z --`));
    return new Map(lines.map((line) => [encodePath(line.subarray(68)), line.toString('latin1', 0, 64)]));
  }

  /** Ends all of it, and leaves nothing. */
  async close(): Promise<void> {
    if (this.#holder.exitCode === null && this.#holder.signalCode === null) {
      const ended = new Promise((resolve) => this.#holder.once('exit', resolve));
      if (this.#first !== '') process.kill(Number(this.#first), 'SIGKILL');
      else this.#holder.kill('SIGKILL');
      await ended;
    }
    await until('its loop devices are gone', () => !run('losetup', '-a').includes(this.base));
    removeTree(this.base);
  }

  #running(pattern: string): string {
    const script = `for file in ${pattern}; do pid=$(cat "$file" 2>/dev/null) && [ -e /proc/$pid ] && echo $pid; done; true`;
    return this.sh(script).toString().trim();
  }

  #enter(command: readonly string[], env = process.env): SpawnSyncReturns<Buffer> {
    const enter = ['-t', this.#first, '--mount', '--net', '--uts', '--ipc', '--pid', '--'];
    return spawnSync('nsenter', [...enter, ...command], {
      env,
      input: '',
      timeout: HANGS_MS,
      killSignal: 'SIGKILL',
      maxBuffer: 2 ** 28,
    });
  }

  /** For a script. */
  #pidOf(brick: Brick): string {
    return `$(cat /run/gluster/vols/${VOLUME}/${HOST}-$(echo ${this.root(brick).slice(1)} | tr / -).pid)`;
  }

  #mountBrick({ name, type }: Brick): string {
    // The moment at which btrfs puts all on disk is ours, not the clock's.
    return `mount -o loop${type === 'btrfs' ? ',commit=300' : ''} ${this.base}/${name}.img ${this.base}/${name}`;
  }

  #begin(): void {
    for (const name of ['backup', 'mount']) mkdirSync(join(this.base, name));
    run('chmod', '755', this.base);
    this.sh(`mount -t tmpfs none /run; mkdir -p /run/gluster /run/lock
      mkdir -p /var/lib/glusterd /var/log/glusterfs
      mount -t tmpfs none /var/lib/glusterd; mount -t tmpfs none /var/log/glusterfs
      printf '127.0.0.1 localhost\\n${ADDRESS} ${HOST}\\n' >/run/hosts; mount --bind /run/hosts /etc/hosts
      hostname ${HOST}; ip link set lo up; ip addr add ${ADDRESS}/32 dev lo
      cd ${this.base}; truncate -s 1G backup.img; mkfs.btrfs -q backup.img; mount -o loop backup.img backup
      btrfs -q subvolume create backup/current; mkdir backup/nights
      glusterd >>${this.base}/glusterd.log 2>&1 </dev/null
      for n in $(seq 100); do gluster --mode=script pool list >/dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1`);
  }
}
