// Which Rollcall this is.
import { readFileSync } from 'node:fs';
import { shipped } from '../process/parts.ts';

export function rollcallVersion(): string {
  return (JSON.parse(readFileSync(shipped('package.json'), 'utf8')) as { version: string }).version;
}
