// Directories with what lies below them, in few lines.
import { expect, test } from 'vitest';
import { rolledUp, sumOf } from '../../domain/exposure.ts';

const line = (directory: string, files: number) => ({ directory, files, bytes: files * 10 });

test('the directory with most is opened first, and lines never count a file twice', () => {
  const given = [line('', 1), line('a', 2), line('a/b', 5), line('a/c', 50), line('d/e/f', 9)];
  for (const linesMax of [1, 2, 3, 4, 10]) {
    const lines = rolledUp(given, linesMax);
    expect(lines.length).toBeLessThanOrEqual(linesMax);
    expect(sumOf(lines)).toEqual(sumOf(given));
  }
  expect(rolledUp(given, 1)).toEqual([line('', 67)]);
  expect(rolledUp(given, 3)).toEqual(
    [line('a', 57), line('d', 9), line('', 1)].map((l) => (l.directory === 'd' ? line('d/e/f', 9) : l)),
  );
  expect(rolledUp(given, 10)).toEqual([line('a/c', 50), line('d/e/f', 9), line('a/b', 5), line('a', 2), line('', 1)]);
  expect(rolledUp([], 3)).toEqual([]);
});
