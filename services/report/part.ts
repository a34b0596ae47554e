// What a bundle that holds a part of what can be restored says of itself and of the rest: in words, as JSON, and as the next command. Pure.
import type { Finding, Tally } from '../../domain/assessment.ts';
import type { Lists } from '../bundle/lists.ts';
import { fate, type PartSummary, sizeOf } from './present.ts';
import { type Chosen, isAsked, type Selection } from '../../domain/restore/selection.ts';
import { bytes, count, operand, plural } from './wording.ts';

interface Bundled {
  readonly assessment: { readonly findings: readonly Finding[] };
  readonly outDir: string;
  readonly program: string;
}

export function partSummary(input: Bundled, selection: Selection, chosen: Chosen, lists: Lists): PartSummary {
  const lost = { asked: { files: 0, bytes: 0 }, elsewhere: { files: 0, bytes: 0 } };
  for (const finding of input.assessment.findings) {
    if (finding.kind === 'directory' || fate(finding) !== 'lost') continue;
    const its = isAsked(selection, finding) ? lost.asked : lost.elsewhere;
    its.files++;
    its.bytes += sizeOf(finding);
  }
  const { beyond, elsewhere, earlier, failed } = chosen;
  return {
    selection,
    held: {
      files: lists.lines.reduce((total, line) => total + line.entries.length, 0),
      bytes: lists.lines.reduce((total, line) => total + line.bytes, 0),
    },
    beyond,
    elsewhere,
    earlier,
    failed,
    lost,
    next: nextOf(input, selection, beyond, elsewhere),
  };
}

/** First the rest of what was asked for, then everything else. */
function nextOf(input: Bundled, selection: Selection, beyond: Tally, elsewhere: Tally): string | null {
  if (beyond.files + elsewhere.files === 0) return null;
  const command = `${input.program} bundle ${operand(input.outDir)} --rest`;
  return [command, ...(beyond.files === 0 ? limitOptions(selection) : options(selection))].join(' ');
}

function limitOptions({ newestFirst, bytesMax, filesMax, uncertainToo }: Selection): string[] {
  return [
    ...(newestFirst ? ['--newest-first'] : []),
    ...(bytesMax === null ? [] : [`--max-bytes ${bytesMax}`]),
    ...(filesMax === null ? [] : [`--max-files ${filesMax}`]),
    ...(uncertainToo ? ['--uncertain'] : []),
  ];
}

function options(selection: Selection): string[] {
  return [
    // As one word with its value, so that a name that begins with a dash is no option. Printable form, which --path understands.
    ...selection.paths.map((path) => `--path=${printableWord(path === '' ? '.' : path)}`),
    ...selection.owners.map((uid) => `--owner ${uid}`),
    ...limitOptions(selection),
  ];
}

/** The printable form itself as a word of a shell, backslashes and all. */
function printableWord(text: string): string {
  return /^[A-Za-z0-9_/.,:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

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
