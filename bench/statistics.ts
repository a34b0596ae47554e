// Medians and ratios of what was measured.

/** Of at least one number. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 1 ? middle : middle - 1], sorted[middle]];
  if (low === undefined || high === undefined) throw new Error('a median of nothing');
  return (low + high) / 2;
}

/** Run by run: the first of these against the first of those. A round that one side lacks is left out. */
export function pairwise(
  these: readonly number[],
  those: readonly number[],
  by: (a: number, b: number) => number,
): number[] {
  return these.flatMap((a, index) => {
    const b = those[index];
    return b === undefined ? [] : [by(a, b)];
  });
}
