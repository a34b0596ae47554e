// Text as a terminal shows it: colors, lines that fit, the middle of what does not.
import { visible } from '../../services/restore/wording.ts';

export type Paint = (text: string) => string;

export function paint(code: number, color: boolean): Paint {
  return (text) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
}

/** At most `width` code points; the middle of a long text goes, because a path's end tells more than its middle. */
export function clip(text: string, width: number): string {
  const points = Array.from(text);
  if (points.length <= width) return text;
  const head = Math.floor((width - 1) / 2);
  return `${points.slice(0, head).join('')}\u2026${points.slice(points.length - (width - 1 - head)).join('')}`;
}

/** Plain text broken at spaces, continuation lines indented by as much as asked. Commands do not go through here: they stay whole. */
export function wrap(text: string, width: number, indent: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of visible(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(indent);
    }
    line += line.trim() === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}
