// What may be gone at any moment: a process that ends, a file that a server removes.
import { readFileSync } from 'node:fs';

/** What the file holds; null where it is gone, also between the asking and the answer. */
export function textIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ESRCH') return null;
    throw error;
  }
}
