// A secret that lies in a file: of compose, of systemd, or of an operator who keeps passwords out of the environment,
// which ps and core dumps show. What it holds is in no message.
import { closeSync, openSync, readSync } from 'node:fs';
import { errnoText } from '../../domain/errno.ts';
import { RollcallError } from '../../domain/exit.ts';

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
    bytes = readUpTo(path);
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

/** One byte more than may be tells that there is more. Works on pipes, too. */
function readUpTo(path: string): Buffer {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(BYTES_MAX + 1);
    let length = 0;
    for (;;) {
      const read = readSync(fd, buffer, length, buffer.length - length, null);
      length += read;
      if (read === 0 || length === buffer.length) return buffer.subarray(0, length);
    }
  } finally {
    closeSync(fd);
  }
}
