// Which Rollcall this is.
import { readFileSync } from 'node:fs';
import { shipped } from './parts.ts';

interface Edition {
  readonly version: string;
  /** Of the sources that it was built from, with a mark where they were changed since; null where nobody knows. */
  readonly commit: string | null;
}

/** Put in by the build; what runs from its sources has none. */
declare const ROLLCALL_BUILD: Edition | undefined;

function edition(): Edition {
  if (typeof ROLLCALL_BUILD !== 'undefined') return ROLLCALL_BUILD;
  const { version } = JSON.parse(readFileSync(shipped('package.json'), 'utf8')) as { readonly version: string };
  return { version, commit: null };
}

export function rollcallVersion(): string {
  return edition().version;
}

/** Version and commit, as --version prints them. */
export function rollcallEdition(): string {
  const { version, commit } = edition();
  return `${version} (${commit ?? 'from its sources'})`;
}
