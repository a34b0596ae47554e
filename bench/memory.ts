// Memory of processes with everything that they started, as the kernel divides shared pages among those who share them
// (PSS).
import { readdirSync, readFileSync } from 'node:fs';

/** Bytes of these processes and all their descendants. A process that has just ended counts nothing. */
export function treeBytes(roots: readonly number[]): number {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const met = new Set<number>(roots);
  let bytes = 0;
  // A set that grows while it is walked: everybody's children are met in their turn.
  for (const pid of met) {
    bytes += ownBytes(pid);
    for (const child of children.get(pid) ?? []) met.add(child);
  }
  return bytes;
}

function parentOf(pid: string): number | null {
  // The name in parentheses may hold anything, a parenthesis too.
  const stat = textOf(`/proc/${pid}/stat`);
  return stat === null ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function ownBytes(pid: number): number {
  const kilobytes = /^Pss: +(\d+) kB$/m.exec(textOf(`/proc/${pid}/smaps_rollup`) ?? '')?.[1];
  return kilobytes === undefined ? 0 : Number(kilobytes) * 1024;
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
