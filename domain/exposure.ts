// What would be lost if a live volume died now: which of its files have a copy in a backup, and which have none.
import type { BrickVerdict } from './gluster/evidence.ts';

/**
 * What is known of a file that has no copy that counts. Exposed: none, no snapshot has it; older, snapshots have other
 * content only. Nobody can tell: the file was not looked at, not read, or changed in silence; its copy was not looked
 * at, or not read. Only where readings must be recent: read-long-ago.
 */
export const SHORTFALLS = [
  'none',
  'older',
  'not-looked-at',
  'unread',
  'suspect',
  'copy-not-looked-at',
  'copy-unread',
  'read-long-ago',
] as const;
export type Shortfall = (typeof SHORTFALLS)[number];

export const EXPOSED: readonly Shortfall[] = ['none', 'older'];

/** Whatever is no directory counts as a file. */
export interface Amount {
  readonly files: number;
  readonly bytes: number;
}

/** Files of one directory and one owner that fall short in one way. */
export interface Short extends Amount {
  readonly shortfall: Shortfall;
  /** Printable, below the volume's root. */
  readonly directory: string;
  readonly uid: number;
  /** The backup that has a copy which does not count yet; null where none has. */
  readonly backup: string | null;
  /** Whether the newest snapshot of that backup has it. */
  readonly inNewest: boolean;
}

export interface ProtectingBackup {
  readonly name: string;
  readonly host: string;
  /** As a command takes it. */
  readonly pattern: string;
  /** Snapshots that were scanned and still exist, and that are gone. */
  readonly snapshots: number;
  readonly gone: number;
  /** When the newest of them was taken: ISO 8601, an interval where that is all that is known. */
  readonly newest: string | null;
  /** When it was scanned last (ms). */
  readonly lookedMs: number | null;
  /** Known from an export that another machine wrote at that time (ms). */
  readonly exportedMs: number | null;
  /** On this host it lies on the file system of the volume: what destroys that one destroys both. */
  readonly besideVolume: boolean;
}

export interface Unseen {
  readonly path: string;
  readonly why: string;
  /** Of a name on bricks of GlusterFS that was looked at, and is not as users should see it; null for others. */
  readonly verdict: BrickVerdict | null;
}

/** How far the backups cover the newest state of a volume that is known. */
export interface Coverage {
  readonly volume: string;
  readonly host: string;
  readonly path: string;
  /** When the newest complete scan of the volume began (ms). */
  readonly lookedMs: number;
  readonly backups: readonly ProtectingBackup[];
  /** Backups of the configuration that nobody has scanned. */
  readonly neverScanned: readonly string[];
  readonly all: Amount;
  /** With a copy that counts; of these, under another name only. */
  readonly covered: Amount;
  readonly elsewhere: Amount;
  readonly short: readonly Short[];
  /** The exposed file that was changed longest ago (its ctime). */
  readonly oldest: { readonly path: string; readonly changedMs: number } | null;
  /** What could not be looked at on the volume: printable paths, '' for all of it. */
  readonly unseen: readonly Unseen[];
  /** Patterns of what is not audited, and mounts that were not entered: they are not counted anywhere. */
  readonly leftOut: readonly string[];
}

export function sumOf(amounts: Iterable<Amount>): Amount {
  let files = 0;
  let bytes = 0;
  for (const one of amounts) {
    files += one.files;
    bytes += one.bytes;
  }
  return { files, bytes };
}

export function shortBy({ short }: Pick<Coverage, 'short'>, shortfall: Shortfall): Amount {
  return sumOf(short.filter((one) => one.shortfall === shortfall));
}

export function exposedOf({ short }: Pick<Coverage, 'short'>): readonly Short[] {
  return short.filter(({ shortfall }) => EXPOSED.includes(shortfall));
}

/** Whether something was not looked at, so that nobody can tell. */
export function isIncomplete({ short, unseen, neverScanned }: Coverage): boolean {
  return (
    unseen.length > 0 ||
    neverScanned.length > 0 ||
    short.some(({ shortfall, files }) => files > 0 && !EXPOSED.includes(shortfall))
  );
}

/** Names on bricks that are not as users should see them: neither covered nor exposed can be said of these. */
export function amissOnBricks({ unseen }: Pick<Coverage, 'unseen'>): readonly Unseen[] {
  return unseen.filter(({ verdict }) => verdict !== null);
}

/** Those of one kind. */
export function onBricks({ unseen }: Pick<Coverage, 'unseen'>, verdict: BrickVerdict): readonly Unseen[] {
  return unseen.filter((one) => one.verdict === verdict);
}

export interface RolledUp extends Amount {
  /** Printable; '' is the root. All that lies in it and below, less what other lines have. */
  readonly directory: string;
}

/**
 * Directories with all that lies below them, the most files first, in as many lines as there may be: the line with most
 * files is opened into the directories below it, as long as there is room for them.
 */
export function rolledUp(given: readonly (Amount & { readonly directory: string })[], linesMax: number): RolledUp[] {
  const children = new Map<string, Map<string, { files: number; bytes: number }>>();
  for (const { directory, files, bytes } of given) {
    const parts = directory === '' ? [] : directory.split('/');
    let at = '';
    for (const part of parts) {
      const below = at === '' ? part : `${at}/${part}`;
      const own = children.get(at) ?? new Map<string, { files: number; bytes: number }>();
      const sum = own.get(below) ?? { files: 0, bytes: 0 };
      own.set(below, { files: sum.files + files, bytes: sum.bytes + bytes });
      children.set(at, own);
      at = below;
    }
  }
  const whole = sumOf(given);
  let lines: RolledUp[] = whole.files === 0 ? [] : [{ directory: '', ...whole }];
  const closed = new Set<string>();
  for (;;) {
    const most = lines.filter(({ directory }) => !closed.has(directory)).toSorted((a, b) => b.files - a.files)[0];
    if (most === undefined) break;
    const below = [...(children.get(most.directory) ?? [])].map(([directory, sum]) => ({ directory, ...sum }));
    const inside = sumOf(below);
    const rest = { files: most.files - inside.files, bytes: most.bytes - inside.bytes };
    const opened = [...(rest.files > 0 ? [{ directory: most.directory, ...rest }] : []), ...below];
    closed.add(most.directory);
    if (below.length > 0 && lines.length - 1 + opened.length <= linesMax)
      lines = [...lines.filter((line) => line !== most), ...opened];
  }
  return lines.toSorted((a, b) => b.files - a.files || b.bytes - a.bytes || (a.directory < b.directory ? -1 : 1));
}

export function byOwner(given: readonly Short[]): readonly (Amount & { readonly uid: number })[] {
  return [...summedBy(given, ({ uid }) => uid)].map(([uid, sum]) => ({ uid, ...sum })).toSorted(byFiles);
}

/** Each with what lies in it itself. */
export function byDirectory(given: readonly Short[]): readonly RolledUp[] {
  return [...summedBy(given, ({ directory }) => directory)]
    .map(([directory, sum]) => ({ directory, ...sum }))
    .toSorted(byFiles);
}

function byFiles(a: Amount, b: Amount): number {
  return b.files - a.files || b.bytes - a.bytes;
}

function summedBy<K>(given: readonly Short[], keyOf: (one: Short) => K): ReadonlyMap<K, Amount> {
  const sums = new Map<K, Amount>();
  for (const one of given) sums.set(keyOf(one), sumOf([sums.get(keyOf(one)) ?? { files: 0, bytes: 0 }, one]));
  return sums;
}
