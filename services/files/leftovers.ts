// What a writer that was killed has left beside its output. Whole outputs appear by a rename; until then they are
// called NAME.partial-MACHINE-PID-START.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { isAlive, startOf } from '../process/alive.ts';
import { errnoOf } from './errors.ts';
import { bytesOf } from './location.ts';

/**
 * What a writer of another machine, container or boot has not touched for so long is taken for left: nobody can ask
 * whether it lives.
 */
const UNTOUCHED_MS = 24 * 60 * 60 * 1000;

const MARK = /\.partial-(?:([0-9a-f]{8})-)?(\d+)(?:-(\d*))?$/;

/** Where a process's number means anything: this boot of this machine, in this container. Eight hex digits. */
function machine(): string {
  const facts = [
    () => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
    () => readlinkSync('/proc/self/ns/pid'),
  ].map((fact) => {
    try {
      return fact();
    } catch {
      return '';
    }
  });
  return createHash('sha256').update(facts.join(' ')).digest('hex').slice(0, 8);
}

/** The end of a name that says: not whole, and who writes it. `pid` is another process's for tests. */
export function partialMark(pid = process.pid): string {
  return `.partial-${machine()}-${pid}-${startOf(pid)}`;
}

/**
 * Removes what writers that are gone have left in a directory. Only what belongs to this user and what `isOurs` knows,
 * for the directory is not Rollcall's, and other machines may write to it. Nothing fails where it cannot: it is a
 * kindness.
 * @param isOurs asked for each name that ends in the mark; the path is raw
 */
export function removeLeftovers(directory: string, isOurs: (name: string, path: Buffer) => boolean): void {
  try {
    for (const name of readdirSync(bytesOf(directory), { encoding: 'buffer' })) {
      const text = name.toString('latin1');
      const path = Buffer.concat([bytesOf(directory), Buffer.from('/'), name]);
      if (!MARK.test(text) || isWritten(text, path)) continue;
      if (lstatSync(path).uid === process.geteuid?.() && isOurs(text, path)) rmSync(path, { recursive: true });
    }
  } catch (error) {
    if (errnoOf(error) === null) throw error;
  }
}

function isWritten(name: string, path: Buffer): boolean {
  const [, where, pid = '', start] = MARK.exec(name) ?? [];
  // Versions that wrote no machine are not told from another one's.
  if (where !== machine()) return Date.now() - touchedMs(path) < UNTOUCHED_MS;
  return isAlive(Number(pid)) && startOf(Number(pid)) === start;
}

/** The newest mtime of a file, or of a directory and what lies in it, two levels deep as in a bundle. */
function touchedMs(path: Buffer, levels = 2): number {
  const stat = lstatSync(path);
  if (!stat.isDirectory() || levels === 0) return stat.mtimeMs;
  const below = readdirSync(path, { encoding: 'buffer' }).map((name) =>
    touchedMs(Buffer.concat([path, Buffer.from('/'), name]), levels - 1),
  );
  return below.reduce((newest, ms) => Math.max(newest, ms), stat.mtimeMs);
}
