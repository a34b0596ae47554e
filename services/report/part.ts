// What a bundle that holds a part of what can be restored says of itself and of the rest: in words, and as JSON. Pure.
import type { Tally } from '../../domain/assessment.ts';
import type { Selection } from '../../domain/restore/selection.ts';
import type { PartSummary } from './present.ts';
import { bytes, count, plural } from './wording.ts';

/** "below home/anna, of uid 1007, at most 1.00 GB". Names stand in printable form. */
export function askedText(selection: Selection): string {
  const { paths, owners, newestFirst, bytesMax, filesMax, uncertainToo, restOf } = selection;
  const parts = [
    ...(restOf === null ? [] : [`what ${restOf.bundle} left`]),
    ...(paths.length === 0 ? [] : [`below ${paths.map((path) => (path === '' ? '.' : path)).join(' and ')}`]),
    ...(owners.length === 0 ? [] : [`of uid ${owners.join(' and ')}`]),
    ...(bytesMax === null ? [] : [`at most ${bytes(bytesMax)}`]),
    ...(filesMax === null ? [] : [`at most ${plural(filesMax, 'file')}`]),
    ...(newestFirst ? ['the newest first'] : []),
    ...(uncertainToo ? ['with what is uncertain'] : []),
  ];
  return parts.join(', ');
}

/** What is left, in sentences; none when nothing is. */
export function leftTexts(part: PartSummary): string[] {
  const its = ({ files, bytes: size }: Tally): string => `${plural(files, 'file')} (${bytes(size)})`;
  const { beyond, elsewhere, earlier, failed, lost } = part;
  return [
    ...(beyond.files > 0 ? [`${its(beyond)} that were asked for are left for the next part.`] : []),
    ...(elsewhere.files > 0
      ? [`${its(elsewhere)} that can be restored were not asked for, and are not restored.`]
      : []),
    ...(lost.elsewhere.files > 0
      ? [`${count(lost.elsewhere.files)} of the files that are lost for good were not asked for.`]
      : []),
    ...(earlier.files > 0 ? [`${its(earlier)} are in earlier parts.`] : []),
    ...(failed.files > 0
      ? [
          `${its(failed)} could not be read at their source when earlier parts were written, and are not restored: assess again.`,
        ]
      : []),
  ];
}

/** A tally as plain JSON. */
type Sum = { readonly files: number; readonly bytes: number };

function sum({ files, bytes: size }: Tally): Sum {
  return { files, bytes: size };
}

/** For summary.json and --json. */
export function partRecord({ selection, held, beyond, elsewhere, earlier, failed, lost, next }: PartSummary) {
  return {
    paths: selection.paths,
    owners: selection.owners,
    newest_first: selection.newestFirst,
    max_bytes: selection.bytesMax,
    max_files: selection.filesMax,
    uncertain: selection.uncertainToo,
    rest_of: selection.restOf?.bundle ?? null,
    held: sum(held),
    left: { asked: sum(beyond), elsewhere: sum(elsewhere) },
    earlier: sum(earlier),
    failed: sum(failed),
    lost: { asked: sum(lost.asked), elsewhere: sum(lost.elsewhere) },
    next,
  };
}
