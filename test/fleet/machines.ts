// Two hosts on one machine: each a mount namespace of its own, in which its own tree lies at the common path, and that
// of the other is nowhere.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Machine {
  /** What is put before a command, so that it runs there. */
  readonly enter: readonly string[];
  close(): Promise<void>;
}

export const MACHINES_MISSING = process.getuid?.() === 0 ? null : 'mount namespaces need root';

/**
 * @param own the tree of this host
 * @param at where it lies there
 * @param hidden directories of this machine that are empty there
 */
export async function machine(own: string, at: string, hidden: readonly string[]): Promise<Machine> {
  mkdirSync(at, { recursive: true });
  const script =
    'mount --bind "$1" "$2" || exit 1; shift 2; for d; do mount -t tmpfs none "$d" || exit 1; done; echo in; cat >/dev/null';
  const arguments_ = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', own, at, ...hidden];
  const keeper = spawn('unshare', arguments_, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => keeper.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    keeper.stdout.once('data', () => resolve());
    keeper.once('exit', () => reject(new Error('no namespace for mounts of its own')));
  });
  return {
    enter: ['nsenter', `--mount=/proc/${keeper.pid}/ns/mnt`, '--'],
    async close() {
      keeper.stdin.end();
      await ended;
    },
  };
}

/** What rsync runs in place of ssh: `ssh HOST COMMAND…` enters that host. */
export function sshStandIn(directory: string, machines: Readonly<Record<string, Machine>>): string {
  const path = join(directory, 'ssh');
  const cases = Object.entries(machines).map(([host, { enter }]) => `${host}) exec ${enter.join(' ')} sh -c "$*" ;;`);
  writeFileSync(
    path,
    `#!/bin/sh\nhost=$1; shift\ncase $host in\n${cases.join('\n')}\n*) echo "no host $host" >&2; exit 255 ;;\nesac\n`,
  );
  chmodSync(path, 0o755);
  return path;
}
