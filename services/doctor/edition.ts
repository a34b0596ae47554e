// Which Rollcall this is.
import { existsSync, readFileSync } from 'node:fs';

/** The version in package.json, beside the sources or above dist/. */
export function rollcallVersion(): string {
  const file = ['../../package.json', '../../../package.json']
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url));
  if (file === undefined) return 'unknown';
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
