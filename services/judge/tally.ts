// The sums of an assessment: every path counted once, in exactly one class.
import { type Assessment, RECOVERIES, type Recovery, type Tally } from '../../domain/assessment.ts';
import { type Verdict, VERDICTS } from '../../domain/verdicts.ts';
import type { Sum } from '../catalog/reconciliation.ts';
import { bytesOf, kindOf } from './compose.ts';
import { type Case, verdictOf } from './judging.ts';

export type TallyPart = Pick<Assessment, 'universe' | 'verdicts' | 'directories' | 'recovery'>;

/** Counts every path once. Throws where the classes do not add up to the universe. */
export function tallyOf(cases: readonly Case[], plain: Sum): TallyPart {
  const files = new Map<Verdict, { files: number; bytes: number }>(VERDICTS.map((v) => [v, { files: 0, bytes: 0 }]));
  const directories = new Map<Verdict, number>(VERDICTS.map((v) => [v, 0]));
  const recovery = new Map<Recovery, { files: number; bytes: number }>(
    RECOVERIES.map((r) => [r, { files: 0, bytes: 0 }]),
  );
  const addTo = (tally: { files: number; bytes: number } | undefined, bytes: number): void => {
    if (tally === undefined) throw new Error('a class is missing from the tally');
    tally.files++;
    tally.bytes += bytes;
  };
  for (const one of cases) {
    const judged = verdictOf(one);
    if (kindOf(one) === 'directory') {
      directories.set(judged.verdict, (directories.get(judged.verdict) ?? 0) + 1);
      continue;
    }
    addTo(files.get(judged.verdict), bytesOf(one));
    if (judged.recovery !== null) addTo(recovery.get(judged.recovery), bytesOf(one));
  }
  const intact = files.get('intact');
  if (intact === undefined) throw new Error('a class is missing from the tally');
  intact.files += plain.files;
  intact.bytes += plain.bytes;
  directories.set('intact', (directories.get('intact') ?? 0) + plain.directories);

  const all = plain.files + plain.directories + cases.length;
  const paths = [...files.values()].reduce((sum, tally) => sum + tally.files, 0);
  const directoryCount = [...directories.values()].reduce((sum, count) => sum + count, 0);
  if (paths + directoryCount !== all || plain.files < 0)
    throw new Error(
      `the classes hold ${paths} files and ${directoryCount} directories, but the universe has ${all} paths`,
    );
  return {
    universe: { paths, directories: directoryCount },
    verdicts: recordOf<Verdict, Tally>(files),
    directories: recordOf<Verdict, number>(directories),
    recovery: recordOf<Recovery, Tally>(recovery),
  };
}

function recordOf<K extends string, V>(map: ReadonlyMap<K, V>): Readonly<Record<K, V>> {
  return Object.fromEntries(map) as Record<K, V>;
}
