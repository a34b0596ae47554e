// Real directories for tests, gone when the test is over, and names that have broken tools.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** An absolute path, removed with all below it (rm takes paths beyond PATH_MAX, which Node's rmSync does not). */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'rollcall-files-'));
  onTestFinished(() => {
    execFileSync('rm', ['-rf', '--one-file-system', '--', path]);
  });
  return path;
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

const BYTE = (digits: string): Buffer => Buffer.from(digits, 'hex');

/** The bytes of a name and the text that it must have everywhere. */
export const HOSTILE_NAMES: readonly (readonly [Buffer, string])[] = [
  [Buffer.from('line\nbreak'), 'line\\x0abreak'],
  [Buffer.from('tab\there'), 'tab\\x09here'],
  [Buffer.from('\u001b[2J\u001b]0;owned\u0007'), '\\x1b[2J\\x1b]0;owned\\x07'],
  [BYTE('61fffe62'), 'a\\xff\\xfeb'],
  [BYTE('eda080'), '\\xed\\xa0\\x80'],
  [BYTE('c3'), '\\xc3'],
  [Buffer.from('c1\u0085control'), 'c1\\xc2\\x85control'],
  [Buffer.from('gpj.\u202eexe'), 'gpj.\\xe2\\x80\\xaeexe'],
  [Buffer.from('-rf'), '-rf'],
  [Buffer.from('--files-from=x'), '--files-from=x'],
  [Buffer.from('#comment'), '#comment'],
  [Buffer.from(';comment'), ';comment'],
  [Buffer.from(' '), ' '],
  [Buffer.from(' both ends '), ' both ends '],
  [Buffer.from('$(touch owned)'), '$(touch owned)'],
  [Buffer.from('`touch owned`'), '`touch owned`'],
  [Buffer.from('\'"'), '\'"'],
  [Buffer.from('back\\slash'), 'back\\\\slash'],
  [Buffer.from('\\x41'), '\\\\x41'],
  [Buffer.from('\\'), '\\\\'],
  [Buffer.from('%0A'), '%0A'],
  [Buffer.from('\ufeffbom'), '\ufeffbom'],
  [Buffer.from('\ufffd'), '\ufffd'],
  [Buffer.from('<b>&amp;'), '<b>&amp;'],
  [Buffer.from('=cmd()'), '=cmd()'],
  [Buffer.from('*'), '*'],
  [Buffer.from('...'), '...'],
  [Buffer.from('l'.repeat(255)), 'l'.repeat(255)],
  [BYTE('ff'.repeat(255)), '\\xff'.repeat(255)],
  [Buffer.from('\u00e9'), '\u00e9'],
  [Buffer.from('e\u0301'), 'e\u0301'],
  [Buffer.from('Twin'), 'Twin'],
  [Buffer.from('twin'), 'twin'],
  [Buffer.from('😀'), '😀'],
];

/** The bytes of a name below a directory, for Node's fs. */
export function at(directory: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), name]);
}
