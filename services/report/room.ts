// Whether what comes back fits: bytes and inodes at the target, and bytes for the damaged content that is kept, against
// what is free. Pure.
import type { ReportInput } from './present.ts';
import { bytes, operand, plural, shellWord } from './wording.ts';

/** Null: it could not be asked. */
export function fits(input: Pick<ReportInput, 'needed' | 'free' | 'evidence'>): boolean | null {
  const { needed, free, evidence } = input;
  if (free !== null && needed.bytes > free.bytes) return false;
  if (free !== null && free.inodes !== null && needed.inodes > free.inodes) return false;
  if (evidence.free !== null && evidence.bytes > evidence.free) return false;
  return free === null ? null : true;
}

/** "2.04 MB and 219 inodes at /srv/data; free there 1.20 GB and 65,000 inodes". */
export function roomText({ needed, free, target, evidence }: ReportInput): string {
  const there =
    free === null
      ? '; what is free there could not be asked'
      : `; free there ${bytes(free.bytes)}${free.inodes === null ? '' : ` and ${plural(free.inodes, 'inode')}`}`;
  const kept =
    evidence.bytes === 0
      ? ''
      : `; with --damaged ${bytes(evidence.bytes)} more for what is replaced, in evidence/ of the bundle${
          evidence.free === null ? '' : ` (free there ${bytes(evidence.free)})`
        }`;
  return `${bytes(needed.bytes)} and ${plural(needed.inodes, 'inode')} at ${target}${there}${kept}`;
}

/** What to do where it does not fit; null where it does, or nobody knows. */
export function tooLittleRoom(input: ReportInput): { readonly text: string; readonly next: string } | null {
  if (fits(input) !== false) return null;
  const { needed, free, evidence, bundle, program } = input;
  const at = operand(bundle ?? 'BUNDLE');
  // Less than all of it: the file system wants some for itself.
  const some = (all: number): number => Math.max(1, Math.floor(all * 0.9));
  const part = (short: string, limit: string): { text: string; next: string } => ({
    text: `IT DOES NOT FIT: ${short} lacking at ${input.target}. Make room first, or restore the most urgent part.`,
    next: `${program} bundle ${at} --newest-first ${limit}`,
  });
  if (free !== null && needed.bytes > free.bytes)
    return part(`${bytes(needed.bytes - free.bytes)} are`, `--max-bytes ${some(free.bytes / 1_000_000)}MB`);
  if (free !== null && free.inodes !== null && needed.inodes > free.inodes)
    return part(`${plural(needed.inodes - free.inodes, 'inode')} are`, `--max-files ${some(free.inodes)}`);
  return {
    text: `IT DOES NOT FIT: ${bytes(evidence.bytes - (evidence.free ?? 0))} are lacking for evidence/ of the bundle. Name another place for it.`,
    next: `sh ${at}/restore.sh --damaged --evidence DIR ${shellWord(input.target)}`,
  };
}
