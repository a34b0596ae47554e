// A secret that lies in a file: of compose, of systemd, or of an operator who keeps passwords out of the environment,
// which ps and core dumps show. What it holds is in no message.
import { closeSync, openSync } from 'node:fs';
import { errnoText } from '../../domain/errno.ts';
import { RollcallError } from '../../domain/exit.ts';
import { readUpTo } from './named-file.ts';

const BYTES_MAX = 16 * 1024;

/**
 * The one line that a file holds, without its newline.
 * @param variable names the file, for messages
 * @throws RollcallError for a file that cannot be read, is empty, or holds anything but one line of text
 */
export function readSecretFile(variable: string, path: string): string {
  const refuse = (why: string, next: string): RollcallError =>
    new RollcallError(`${variable} names ${JSON.stringify(path)}, which ${why}`, { next });
  let bytes: Buffer;
  try {
    bytes = readFileUpTo(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw refuse(
      `cannot be read (${errnoText(code)})`,
      `check that the file exists and that the user of this process may read it, or unset ${variable}`,
    );
  }
  if (bytes.length > BYTES_MAX) throw refuse('is no secret: it is too large', 'name the file that holds the URL alone');
  const text = bytes.toString('utf8').replace(/[\r\n]+$/, '');
  if (text.trim() === '') throw refuse('is empty', 'write the URL into it, on one line');
  // oxlint-disable-next-line no-control-regex -- NUL, tabs and the like are what a wrong file holds
  if (/[\u0000-\u001f\u007f\ufffd]/.test(text))
    throw refuse('holds more than one line of text', 'write the URL into it, on one line');
  return text;
}

function readFileUpTo(path: string): Buffer {
  const fd = openSync(path, 'r');
  try {
    return readUpTo(fd, BYTES_MAX);
  } finally {
    closeSync(fd);
  }
}
