// What a terminal says of the bundle itself: whether it fits, what it holds and leaves, what stands in no list. Pure.
import { askedText, leftTexts } from '../part.ts';
import type { ReportInput } from '../present.ts';
import { tooLittleRoom } from '../room.ts';
import { bytes, leftOut, plural } from '../wording.ts';
import { type Paint, wrap } from './text.ts';

const LEFT_OUT_MAX = 3;

/** The warning that comes first where what is to be restored does not fit. */
export function roomLines(input: ReportInput, width: number, style: Paint): string[] {
  const short = tooLittleRoom(input);
  return short === null ? [] : [...wrap(short.text, width, 2).map(style), `  ${short.next}`];
}

/** What of it the bundle holds, and what not. */
export function partLines({ part }: ReportInput, width: number, style: Paint): string[] {
  if (part === null) return [];
  const { selection, held, lost, next: rest } = part;
  const asked = askedText(selection);
  return [
    ...wrap(
      `Part    The bundle holds ${plural(held.files, 'file')} (${bytes(held.bytes)})${asked === '' ? '' : ` of what was asked: ${asked}`}. ` +
        `Lost for good of it: ${plural(lost.asked.files, 'file')}.`,
      width,
      8,
    ).map(style),
    ...leftTexts(part).flatMap((text) => wrap(text, width - 8, 0).map((line) => style(`        ${line}`))),
    ...(rest === null ? [] : [`        The rest, without another scan: ${rest}`]),
    '',
  ];
}

/** What could be restored and stands in no list. */
export function leftOutLines(input: ReportInput, width: number): string[] {
  return input.leftOut
    .slice(0, LEFT_OUT_MAX)
    .flatMap((group) =>
      wrap(
        `Note    ${[leftOut(group), ...(group.remedy === null ? [] : [group.remedy])].join(' ')} README.txt in the bundle says more.`,
        width,
        8,
      ),
    );
}
