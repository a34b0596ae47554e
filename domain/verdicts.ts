// The classes of verdicts (docs/design.md#verdicts), in one table: what each means, what it says of a path, and what
// follows from it. Every path of the universe is in exactly one.
import { EXIT, type ExitCode } from './exit.ts';
import { FLAG } from './judge/flags.ts';

/**
 * lost: the proper content of the path is not there · damaged: the path is there, and its content is not what it should
 * be · undecided: neither loss nor health is claimed · there: live is as it should be · moved: its content has another
 * name · deleted: gone, and nobody misses it
 */
export type Standing = 'lost' | 'damaged' | 'undecided' | 'there' | 'moved' | 'deleted';

interface Class {
  readonly standing: Standing;
  /**
   * Whether it is kept as an open finding until it is resolved or accepted. What a person need not act on would be most
   * of the volume.
   */
  readonly isKept: boolean;
  /** 1 is worth a person's attention, 3 could not be decided, 0 is the ordinary course. */
  readonly exit: typeof EXIT.nothing | typeof EXIT.findings | typeof EXIT.incomplete;
  /**
   * How a restore brings the old content back: where nothing is, or beside what has its name now, both without an
   * option · in exchange for what lies there, with --damaged · not at all.
   */
  readonly restored: 'where nothing is' | 'beside' | 'in exchange' | 'no';
  /**
   * Among what the report lists it: losses, what is undecided, what only the backup lacks, the ordinary course, moves;
   * intact is counted only.
   */
  readonly listed: 'losses' | 'undecided' | 'backup' | 'ordinary' | 'moves' | 'no';
  /**
   * What it adds to `changes` in --json: something is new (1), gone (2), changed (4), or gone here and new there (3).
   */
  readonly changes: 0 | 1 | 2 | 3 | 4;
  /**
   * Whether it finds an earlier loss of the path again or explains it. Where it does not, a loss that looks as it did
   * then stays open.
   */
  readonly settlesLoss: boolean;
  /** One sentence, for somebody who has read nothing. */
  readonly meaning: string;
}

const finding = { isKept: true, exit: EXIT.findings, restored: 'no', changes: 0, settlesLoss: true } as const;
const lost = { ...finding, standing: 'lost', listed: 'losses', changes: 4 } as const;
const damaged = { ...lost, standing: 'damaged', restored: 'in exchange' } as const;
const undecided = { ...finding, standing: 'undecided', listed: 'undecided' } as const;
const unknown = { ...undecided, exit: EXIT.incomplete } as const;
const ofBackup = { ...finding, standing: 'there', listed: 'backup' } as const;
const ordinary = { ...finding, isKept: false, exit: EXIT.nothing, listed: 'ordinary' } as const;

// Worst first: in this order they are counted and listed.
const CLASSES = {
  missing: { ...lost, restored: 'where nothing is', changes: 2, meaning: 'gone, and something points to a loss' },
  replaced: {
    ...lost,
    restored: 'beside',
    meaning: 'another kind of thing has its name; the old content is put beside it',
  },
  recreated: {
    ...lost,
    restored: 'beside',
    meaning: 'was gone, and something else has its name now; the old content is put beside it',
  },
  corrupt: { ...damaged, meaning: 'the content changed while size and time stayed the same' },
  truncated: { ...damaged, meaning: 'empty, zeros, or only the beginning of what it was' },
  reverted: { ...damaged, meaning: 'an older state has come back' },
  hidden: { ...undecided, meaning: 'complete on a brick, invisible through the mount' },
  unreachable: { ...undecided, meaning: 'on a brick, but its name cannot be opened' },
  misplaced: { ...undecided, meaning: 'conflicting copies on several bricks' },
  unreadable: { ...unknown, restored: 'beside', meaning: 'could not be read; it is not called missing' },
  unverified: { ...unknown, meaning: 'a copy could not be read, so nothing is proven' },
  unsettled: {
    ...unknown,
    isKept: false,
    meaning: 'changed while it was read; assess again when the volume is quiet',
  },
  'backup-corrupt': { ...ofBackup, meaning: 'the live file is right, the newest backup copy is not' },
  'backup-missing': { ...ofBackup, meaning: 'the newest snapshot lacks it, an earlier one had it' },
  unprotected: {
    ...ofBackup,
    changes: 1,
    settlesLoss: false,
    meaning: 'old enough to be in a backup, and in none',
  },
  deleted: {
    ...ordinary,
    standing: 'deleted',
    changes: 2,
    meaning: 'gone in an ordinary way, or its absence was accepted',
  },
  moved: {
    ...ordinary,
    standing: 'moved',
    listed: 'moves',
    changes: 3,
    meaning: 'the same content has another name now',
  },
  modified: {
    ...ordinary,
    standing: 'there',
    changes: 4,
    settlesLoss: false,
    meaning: 'changed in an ordinary way since the newest snapshot',
  },
  new: {
    ...ordinary,
    standing: 'there',
    changes: 1,
    settlesLoss: false,
    meaning: 'created after the last backups; not in a backup yet',
  },
  intact: {
    ...ordinary,
    standing: 'there',
    listed: 'no',
    settlesLoss: false,
    meaning: 'same as the newest snapshot of a backup',
  },
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

/** The classes of one of the report's lists, worst first. */
export function listedAs(listed: Class['listed']): readonly Verdict[] {
  return VERDICTS.filter((verdict) => VERDICT[verdict].listed === listed);
}

/** What recovery has a meaning for. */
export const LOSSES = listedAs('losses');
export const DAMAGES = VERDICTS.filter((verdict) => VERDICT[verdict].standing === 'damaged');
/** What a restore can bring back. */
export const RESTORED = VERDICTS.filter((verdict) => VERDICT[verdict].restored !== 'no');

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

/**
 * What one finding makes of the exit code. A file that was restored and proven is missing in the backup until that
 * runs: nobody has to act.
 */
export function exitOfFinding({ verdict, flags, accepted }: Counted): ExitCode {
  return accepted !== null || flags.includes(FLAG.restored) ? EXIT.nothing : VERDICT[verdict].exit;
}

/** Whether it is kept open until it is resolved or accepted. */
export function isKept({ verdict, flags }: Omit<Counted, 'accepted'>): boolean {
  return VERDICT[verdict].isKept && !flags.includes(FLAG.restored);
}
