// Lines of CSV for people who open them in a spreadsheet: names are from strangers, and no cell may become a formula.
// Pure.
import { visible } from '../report/wording.ts';

/**
 * What a spreadsheet takes for the beginning of a formula, half and full width, also after blanks, which some of them
 * trim. The apostrophe is there so that the mark can be told from a name: who reads the cell back takes one apostrophe
 * off.
 */
const FORMULA = /^\p{White_Space}*['=+\-@\uff07\uff1d\uff0b\uff0d\uff20]/u;

/**
 * One cell. Text is quoted and, where it could be a formula, begins with an apostrophe; numbers stay numbers; null is
 * an empty cell.
 */
function csvCell(value: string | number | bigint | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const text = visible(value);
  return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}

/**
 * One line of RFC 4180 with its line end. Text is printable: what is not becomes \xhh, so that a cell never holds a
 * line break.
 */
export function csvLine(cells: readonly (string | number | bigint | null)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}
