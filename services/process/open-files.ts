// How many files this process may have open at once. Node raises what it may use to what it is allowed.
import { readFileSync } from 'node:fs';

/** Without an answer the least that systems allow. */
const USUAL_MAX = 1_024;

export function openFilesMax(): number {
  try {
    const [, most] = /^Max open files +(\w+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return most === 'unlimited' ? Number.POSITIVE_INFINITY : Number(most ?? USUAL_MAX);
  } catch {
    return USUAL_MAX;
  }
}
