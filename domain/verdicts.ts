// The classes of design.md section 6, in one table: what each means, what it says of a path, and what follows from it. Every path of the
// universe is in exactly one.
import { EXIT, type ExitCode } from './exit.ts';
import { FLAG } from './judge/flags.ts';

/**
 * lost: the proper content of the path is not there · damaged: the path is there, and its content is not what it should be · undecided: neither
 * loss nor health is claimed · there: live is as it should be · moved: its content has another name · deleted: gone, and nobody misses it
 */
export type Standing = 'lost' | 'damaged' | 'undecided' | 'there' | 'moved' | 'deleted';

interface Class {
  readonly standing: Standing;
  /** Whether it is kept as an open finding until it is resolved or accepted. What a person need not act on would be most of the volume. */
  readonly isKept: boolean;
  /** 1 is worth a person's attention, 3 could not be decided, 0 is the ordinary course. */
  readonly exit: typeof EXIT.nothing | typeof EXIT.findings | typeof EXIT.incomplete;
  /** Whether restore.sh brings the old content back: without an option, with one, or not at all. */
  readonly restored: 'by default' | 'with an option' | 'no';
  /** One sentence, for somebody who has read nothing. */
  readonly meaning: string;
}

const finding = { isKept: true, exit: EXIT.findings, restored: 'no' } as const;
const ordinary = { isKept: false, exit: EXIT.nothing, restored: 'no' } as const;
const unknown = { standing: 'undecided', isKept: true, exit: EXIT.incomplete, restored: 'no' } as const;

// Worst first: in this order they are counted and listed.
const CLASSES = {
  missing: {
    ...finding,
    standing: 'lost',
    restored: 'by default',
    meaning: 'gone, and something points to a loss',
  },
  replaced: {
    ...finding,
    standing: 'lost',
    restored: 'by default',
    meaning: 'another kind of thing has its name; the old content is put beside it',
  },
  recreated: {
    ...finding,
    standing: 'lost',
    restored: 'by default',
    meaning: 'was gone, and something else has its name now; the old content is put beside it',
  },
  corrupt: {
    ...finding,
    standing: 'damaged',
    restored: 'with an option',
    meaning: 'the content changed while size and time stayed the same',
  },
  truncated: {
    ...finding,
    standing: 'damaged',
    restored: 'with an option',
    meaning: 'empty, zeros, or only the beginning of what it was',
  },
  reverted: { ...finding, standing: 'damaged', restored: 'with an option', meaning: 'an older state has come back' },
  hidden: { ...finding, standing: 'undecided', meaning: 'complete on a brick, invisible through the mount' },
  unreachable: { ...finding, standing: 'undecided', meaning: 'on a brick, but its name cannot be opened' },
  misplaced: { ...finding, standing: 'undecided', meaning: 'conflicting copies on several bricks' },
  unreadable: { ...unknown, meaning: 'could not be read; it is not called missing' },
  unverified: { ...unknown, meaning: 'a copy could not be read, so nothing is proven' },
  unsettled: {
    ...unknown,
    isKept: false,
    meaning: 'changed while it was read; assess again when the volume is quiet',
  },
  'backup-corrupt': {
    ...finding,
    standing: 'there',
    meaning: 'the live file is right, the newest backup copy is not',
  },
  'backup-missing': {
    ...finding,
    standing: 'there',
    meaning: 'the newest snapshot lacks it, an earlier one had it',
  },
  unprotected: { ...finding, standing: 'there', meaning: 'old enough to be in a backup, and in none' },
  deleted: { ...ordinary, standing: 'deleted', meaning: 'gone in an ordinary way, or its absence was accepted' },
  moved: { ...ordinary, standing: 'moved', meaning: 'the same content has another name now' },
  modified: { ...ordinary, standing: 'there', meaning: 'changed in an ordinary way since the newest snapshot' },
  new: { ...ordinary, standing: 'there', meaning: 'created after the last backups; not in a backup yet' },
  intact: { ...ordinary, standing: 'there', meaning: 'same as the newest snapshot of a backup' },
} as const satisfies Readonly<Record<string, Class>>;

export type Verdict = keyof typeof CLASSES;
export const VERDICT: Readonly<Record<Verdict, Class>> = CLASSES;
/** The classes of one standing. */
type OfStanding<S extends Standing> = {
  [V in Verdict]: (typeof CLASSES)[V]['standing'] extends S ? V : never;
}[Verdict];
export type DamageVerdict = OfStanding<'damaged'>;
/** Worst first. */
export const VERDICTS = Object.keys(CLASSES) as readonly Verdict[];

function standing(...which: readonly Standing[]): readonly Verdict[] {
  return VERDICTS.filter((verdict) => which.includes(VERDICT[verdict].standing));
}

/** What recovery has a meaning for. */
export const LOSSES = standing('lost', 'damaged');
export const DAMAGES = standing('damaged');
export const UNDECIDED = standing('undecided');

export function isLossVerdict(verdict: Verdict): boolean {
  return LOSSES.includes(verdict);
}

export function isDamageVerdict(verdict: Verdict): verdict is DamageVerdict {
  return VERDICT[verdict].standing === 'damaged';
}

/** Nothing certain can be said of these now: what was found there before stays open. */
export function isUnknown(verdict: Verdict): boolean {
  return VERDICT[verdict].exit === EXIT.incomplete;
}

/** What of a finding decides how it counts. */
export interface Counted {
  readonly verdict: Verdict;
  readonly flags: readonly string[];
  /** Null unless a person accepted it. */
  readonly accepted: unknown;
}

/** What one finding makes of the exit code. A file that was restored and proven is missing in the backup until that runs: nobody has to act. */
export function exitOfFinding({ verdict, flags, accepted }: Counted): ExitCode {
  return accepted !== null || flags.includes(FLAG.restored) ? EXIT.nothing : VERDICT[verdict].exit;
}

/** Whether it is kept open until it is resolved or accepted. */
export function isKept({ verdict, flags }: Omit<Counted, 'accepted'>): boolean {
  return VERDICT[verdict].isKept && !flags.includes(FLAG.restored);
}
