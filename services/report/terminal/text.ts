// Text as a terminal shows it: colors, lines that fit, the middle of what does not.
import { wrapped } from '../wording.ts';

export type Paint = (text: string) => string;

export function paint(code: number, color: boolean): Paint {
  return (text) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
}

/** Wide in every terminal: CJK, Hangul, full-width forms, most emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
/** Drawn over the character before. */
const MARK = /[\p{Mn}\p{Me}\p{Cf}]/u;

function columns(point: string): number {
  return MARK.test(point) ? 0 : WIDE.test(point) ? 2 : 1;
}

/** Columns that a text takes on a terminal. */
export function columnsOf(text: string): number {
  // Most text is plain, and this is asked for every redrawing.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  return Array.from(text).reduce((sum, point) => sum + columns(point), 0);
}

/** At most `width` columns; the middle of a long text goes, because a path's end tells more than its middle. */
export function clip(text: string, width: number): string {
  if (columnsOf(text) <= width) return text;
  const points = Array.from(text);
  const head = taken(points, Math.floor((width - 1) / 2));
  const tail = taken(points.toReversed(), width - 1 - columnsOf(head.join(''))).toReversed();
  return `${head.join('')}\u2026${tail.join('')}`;
}

/** The first of them that fit. */
function taken(points: readonly string[], width: number): string[] {
  const taking: string[] = [];
  let used = 0;
  for (const point of points) {
    used += columns(point);
    if (used > width) break;
    taking.push(point);
  }
  return taking;
}

/**
 * Plain text broken at spaces, continuation lines indented by as much as asked. Commands do not go through here: they
 * stay whole.
 */
export function wrap(text: string, width: number, indent: number): string[] {
  return wrapped(text, { width, indent: ' '.repeat(indent), first: '' });
}
