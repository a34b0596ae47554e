// The directory that the demo plays in.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RollcallError } from '../../domain/exit.ts';

/** @param wanted absolute; null for a temporary directory @throws RollcallError for one that exists */
export function makeBase(wanted: string | null): string {
  if (wanted === null) return mkdtempSync(join(tmpdir(), 'rollcall-demo-'));
  if (existsSync(wanted)) throw new RollcallError(`${wanted} exists already.`, { next: 'Give --dir a new name.' });
  mkdirSync(wanted, { recursive: true, mode: 0o755 });
  return wanted;
}

export function removeBase(base: string): void {
  rmSync(base, { recursive: true, force: true });
}
