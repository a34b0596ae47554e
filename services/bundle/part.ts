// What a bundle that holds a part of what can be restored knows of the rest, and the command that writes it. Pure.
import type { Finding, Tally } from '../../domain/assessment.ts';
import { fate, sizeOf } from '../../domain/picture.ts';
import { type Chosen, isAsked, type Selection } from '../../domain/restore/selection.ts';
import type { PartSummary } from '../report/present.ts';
import { operand } from '../report/wording.ts';
import type { Lists } from './lists.ts';

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
    // As one word with its value, so that a name that begins with a dash is no option. Printable form, which --path
    // understands.
    ...selection.paths.map((path) => `--path=${printableWord(path === '' ? '.' : path)}`),
    ...selection.owners.map((uid) => `--owner ${uid}`),
    ...limitOptions(selection),
  ];
}

/** The printable form itself as a word of a shell, backslashes and all. */
function printableWord(text: string): string {
  return /^[A-Za-z0-9_/.,:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
