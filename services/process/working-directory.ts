// Where this process stands.
import { realpathSync } from 'node:fs';
import { RollcallError } from '../../domain/exit.ts';
import { encodePath } from '../../domain/path.ts';

/**
 * The directory that this process stands in, printable. Its name may be no UTF-8, which process.cwd() garbles.
 * @throws RollcallError
 */
export function workingDirectory(): string {
  try {
    return encodePath(realpathSync.native('.', { encoding: 'buffer' }));
  } catch (cause) {
    throw new RollcallError('The current directory does not exist any more, or may not be entered.', {
      next: 'Change to another directory (cd /), then run the same command again.',
      cause,
    });
  }
}
