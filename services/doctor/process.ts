// What this process may do: its user, its capabilities, its limits.
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { bytes } from '../report/wording.ts';
import { bad, ok, warning, type Check } from './check.ts';

/** Bits of CapEff (linux/capability.h). */
const CAPABILITIES = { CAP_CHOWN: 0n, CAP_DAC_OVERRIDE: 1n, CAP_DAC_READ_SEARCH: 2n, CAP_FOWNER: 3n } as const;

/** A scan holds a few dozen files and sockets for each thread. */
const OPEN_FILES_MIN = 1_024;
const MEMORY_MIN = 512 * 1024 * 1024;

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Names of the capabilities above that are in effect; all of them where /proc does not tell and this is root. */
export function effectiveCapabilities(status: string | null, uid: number): ReadonlySet<string> {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? '')?.[1];
  const bits = mask === undefined ? (uid === 0 ? ~0n : 0n) : BigInt(`0x${mask}`);
  return new Set(Object.entries(CAPABILITIES).flatMap(([name, bit]) => (((bits >> bit) & 1n) === 1n ? [name] : [])));
}

export function checkUser(): readonly Check[] {
  const uid = process.getuid?.() ?? 0;
  const has = effectiveCapabilities(read('/proc/self/status'), uid);
  const who = `uid ${uid}, groups ${(process.getgroups?.() ?? []).join(' ')}`;
  const readsAll = has.has('CAP_DAC_READ_SEARCH') || has.has('CAP_DAC_OVERRIDE');
  return [
    readsAll
      ? ok('reading', `${who}: may read every file of local file systems (NFS servers may still refuse root)`)
      : warning(
          'reading',
          `${who}: reads only what this user may; the rest is reported as unreadable, never as lost`,
          'run as root, or give the service CAP_DAC_READ_SEARCH (systemd: AmbientCapabilities=CAP_DAC_READ_SEARCH)',
        ),
    has.has('CAP_FOWNER')
      ? ok('access times', 'are left alone (O_NOATIME on every file)')
      : warning(
          'access times',
          "are left alone on this user's own files only; others' move where the mount keeps them",
          'mount with noatime, or run with CAP_FOWNER',
        ),
    has.has('CAP_CHOWN') && has.has('CAP_DAC_OVERRIDE')
      ? ok('restoring', 'restore.sh can give files back to their owners')
      : warning('restoring', 'restore.sh cannot give files back to other owners', 'run restore.sh as root'),
  ];
}

/** Bytes that the cgroup allows; null where there is no limit. */
function cgroupMemory(): number | null {
  const text = (read('/sys/fs/cgroup/memory.max') ?? read('/sys/fs/cgroup/memory/memory.limit_in_bytes') ?? '').trim();
  const limit = Number(text);
  return text === '' || Number.isNaN(limit) || limit > 2 ** 60 ? null : limit;
}

function cgroupCores(): number | null {
  const [quota, period] = (read('/sys/fs/cgroup/cpu.max') ?? '').trim().split(' ').map(Number);
  return quota === undefined || period === undefined || Number.isNaN(quota) ? null : quota / period;
}

export function checkLimits(): readonly Check[] {
  const files = Number(/^Max open files\s+(\d+)/m.exec(read('/proc/self/limits') ?? '')?.[1] ?? Number.NaN);
  const cores = availableParallelism();
  const quota = cgroupCores();
  const memory = Math.min(totalmem(), cgroupMemory() ?? Number.POSITIVE_INFINITY);
  const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(read('/proc/meminfo') ?? '')?.[1] ?? 0) * 1024;
  return [
    Number.isNaN(files) || files >= OPEN_FILES_MIN
      ? ok('open files', Number.isNaN(files) ? 'unlimited, or unknown' : `${files}`)
      : bad('open files', `${files} at once; ${OPEN_FILES_MIN} are needed`, 'ulimit -n 65536'),
    ok('cores', quota === null ? `${cores}` : `${cores}, of which the cgroup allows ${quota.toFixed(1)}`),
    memory >= MEMORY_MIN
      ? ok('memory', `${bytes(memory)}, ${bytes(available)} available`)
      : warning('memory', bytes(memory), `give it ${bytes(MEMORY_MIN)}, or use --threads 1`),
  ];
}
