// Where the parts of this program are: beside the sources (run by tsx or vitest), or in dist/ of a checkout or of an
// installed package.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const HOME = new URL(import.meta.url.endsWith('.ts') ? '../../' : '../', import.meta.url);

/**
 * What is started as a process or a thread of its own is always what `npm run build` made of it, also by a program that
 * runs from the sources.
 */
export function startedPart(name: 'thread' | 'reader' | 'guard'): string {
  return shipped(`dist/${name}.cjs`);
}

/** A file or directory of the package that is read at run time, such as `migrations/`. */
export function shipped(path: string): string {
  return fileURLToPath(new URL(path, HOME));
}

/** The main file of a package that npm may have left out. Throws where it is not installed. */
export function installedPackage(name: string): string {
  return createRequire(import.meta.url).resolve(name);
}
