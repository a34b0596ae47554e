// Starts test/embedded/holder.ts in a process of its own: as another user, or in a mount namespace where something is
// missing.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { program as testProgram, REPOSITORY } from '../support/programs.ts';

export const IS_ROOT = process.getuid?.() === 0;
/** Whether this process may make mount namespaces (root in most places, not in every container). */
export const CAN_UNSHARE =
  IS_ROOT && spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

export interface Holder {
  readonly child: ChildProcess;
  readonly logs: string[];
  /** The first answer: ready, or what went wrong. */
  readonly answer: Promise<{
    readonly ready?: { readonly volumes: number };
    readonly host?: string;
    readonly error?: string;
    readonly next?: string;
  }>;
  /** Ends it in order; resolves with its exit code when it has gone. */
  release(): Promise<number | null>;
}

export function hold(
  stateDir: string,
  {
    uid,
    gid,
    mounts,
    repository = REPOSITORY,
  }: { uid?: number; gid?: number; mounts?: string; repository?: string } = {},
): Holder {
  const node = [process.execPath, testProgram('embedded/holder', repository), stateDir];
  const [program = '', ...args] =
    mounts === undefined ? node : ['unshare', '--mount', 'sh', '-ec', `${mounts}\nexec "$@"`, 'sh', ...node];
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: '/',
    env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
    ...(uid === undefined ? {} : { uid, gid: gid ?? uid }),
  });
  const logs: string[] = [];
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdin.on('error', () => {});
  const gone = new Promise<number | null>((resolve) => child.once('close', resolve));
  const answer = new Promise<Awaited<Holder['answer']>>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const event = JSON.parse(line) as Awaited<Holder['answer']> & { log?: string };
      if (event.log === undefined) resolve(event);
      else logs.push(event.log);
    });
    child.once('error', reject);
    void gone.then((code) => reject(new Error(`the holder ended with ${code} and said nothing: ${stderr}`)));
  });
  answer.catch(() => {});
  return {
    child,
    logs,
    answer,
    release() {
      child.stdin.end();
      return gone;
    },
  };
}
