// What is wrong with a file, where: every problem of a file is said at once, each with its line.

/** From the top of the document: names and indexes. */
export type Place = readonly (string | number)[];

export interface Problem {
  readonly place: Place;
  /** The field's name is wrong, not what it holds. */
  readonly isKey?: boolean;
  /** Never quotes what a field holds that may be a secret. */
  readonly message: string;
}

export interface LocatedProblem {
  /** From 1; null where the file is wrong as a whole. */
  readonly line: number | null;
  readonly column: number | null;
  /** 'volumes.school.backups[0]'; empty for the file. */
  readonly field: string;
  readonly message: string;
}

export function fieldText(place: Place): string {
  return place.map((part, at) => (typeof part === 'number' ? `[${part}]` : at === 0 ? part : `.${part}`)).join('');
}

const EDITS_MAX = 2;

/** The one of the known words that was probably meant; null where none is near. */
export function meant(word: string, known: Iterable<string>): string | null {
  let best: { readonly word: string; readonly edits: number } | null = null;
  for (const one of known) {
    const edits = editsBetween(word.toLowerCase(), one.toLowerCase());
    const near = edits <= Math.min(EDITS_MAX, Math.floor(one.length / 2)) || one.startsWith(`${word}_`);
    if (near && (best === null || edits < best.edits)) best = { word: one, edits };
  }
  return best?.word ?? null;
}

/** ' (did you mean X?)', ' (there are: …)' or nothing. */
export function suggestion(word: string, known: readonly string[]): string {
  const one = meant(word, known);
  if (one !== null) return `; did you mean ${one}?`;
  return known.length === 0 || known.length > SUGGESTED_MAX ? '' : `; there are: ${known.join(', ')}`;
}

const SUGGESTED_MAX = 12;
const WORD_MAX = 64;

/** Characters that are typed in excess, left out, wrong, or swapped with the next. */
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > EDITS_MAX || a.length > WORD_MAX) return Number.POSITIVE_INFINITY;
  let earlier: number[] = [];
  let before = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min((before[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (before[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, (earlier[j - 2] ?? 0) + 1);
      row.push(edits);
    }
    [earlier, before] = [before, row];
  }
  return before[b.length] ?? Number.POSITIVE_INFINITY;
}
