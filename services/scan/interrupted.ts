// What is said of a scan that a person, or a signal, has ended early.
import { EXIT, RollcallError } from '../../domain/exit.ts';

export const CONTINUES = 'Run the same command again: it continues where this one stopped.';

export function interrupted(): RollcallError {
  return new RollcallError('Interrupted. What was scanned is kept.', { exit: EXIT.interrupted, next: CONTINUES });
}
