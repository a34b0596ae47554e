// Where the parts of this program are: beside the sources (run by tsx or vitest), or in dist/ of a checkout or of an installed package.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const IS_SOURCE = import.meta.url.endsWith('.ts');
const HOME = new URL(IS_SOURCE ? '../../' : '../', import.meta.url);

/** What is started as a process or a thread of its own: its source; the bundle in dist/ has its name (build.mjs). */
const STARTED = {
  thread: 'services/scan/shard-thread.ts',
  guard: 'services/embedded/guard-process.ts',
} as const;

export interface StartedPart {
  readonly file: string;
  /** What node needs before it: from the sources the loader of this checkout, whatever directory the command runs in. */
  readonly execArgv: readonly string[];
}

export function startedPart(name: keyof typeof STARTED): StartedPart {
  return IS_SOURCE
    ? { file: shipped(STARTED[name]), execArgv: ['--import', shipped('node_modules/tsx/dist/loader.mjs')] }
    : { file: shipped(`dist/${name}.cjs`), execArgv: [] };
}

/** A file or directory of the package that is read at run time, such as `migrations/`. */
export function shipped(path: string): string {
  return fileURLToPath(new URL(path, HOME));
}

/** The main file of a package that npm may have left out. Throws where it is not installed. */
export function installedPackage(name: string): string {
  return createRequire(import.meta.url).resolve(name);
}
