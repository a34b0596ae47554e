// What became of a directory that vanished, from what became of the files in it.

/** A file (anything but a directory) that is absent now, and what became of it. */
export interface Fate {
  readonly path: string;
  readonly fate: 'moved' | 'deleted' | 'missing';
  readonly movedTo: string | null;
  /** The last observer, in their order, that saw it. */
  readonly seenAt: number;
}

/** A directory that is absent now. */
export type GoneDirectory = Pick<Fate, 'path' | 'seenAt'>;

export interface DirectoryFate {
  readonly fate: Fate['fate'];
  readonly movedTo: string | null;
}

interface Sum {
  readonly seenAt: number;
  missing: number;
  moved: number;
  deleted: number;
  readonly to: Map<string, number>;
}

/**
 * Vanished directories whose files all moved or were deleted are so themselves: moved if any of them moved (to where
 * most of them went), else deleted. One with a missing file is missing: a restore needs it. What moved or was deleted
 * while the directory was still seen says nothing of how the directory went. One that held no file when it vanished is
 * judged by its own dates and is left out.
 */
export function directoryFates(
  directories: readonly GoneDirectory[],
  files: readonly Fate[],
): Map<string, DirectoryFate> {
  const sums = new Map<string, Sum>();
  for (const { path, seenAt } of directories)
    sums.set(path, { seenAt, missing: 0, moved: 0, deleted: 0, to: new Map() });
  for (const file of files) {
    for (let slash = file.path.lastIndexOf('/'); slash > 0; slash = file.path.lastIndexOf('/', slash - 1)) {
      const sum = sums.get(file.path.slice(0, slash));
      // An ancestor that is still there ends the climb: nothing above a standing directory vanished.
      if (sum === undefined) break;
      if (file.fate !== 'missing' && file.seenAt < sum.seenAt) continue;
      sum[file.fate]++;
      if (file.fate !== 'moved' || file.movedTo === null) continue;
      const below = file.path.slice(slash);
      if (!file.movedTo.endsWith(below)) continue;
      const to = file.movedTo.slice(0, file.movedTo.length - below.length);
      if (to !== '') sum.to.set(to, (sum.to.get(to) ?? 0) + 1);
    }
  }
  const fates = new Map<string, DirectoryFate>();
  for (const [directory, sum] of sums) {
    if (sum.missing + sum.moved + sum.deleted === 0) continue;
    if (sum.missing > 0) {
      fates.set(directory, { fate: 'missing', movedTo: null });
      continue;
    }
    const target = [...sum.to].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? null;
    fates.set(directory, { fate: sum.moved > 0 ? 'moved' : 'deleted', movedTo: target });
  }
  return fates;
}
