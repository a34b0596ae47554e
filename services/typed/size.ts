// Sizes and rates as people know them from rsync and rclone: 700M, 1.5GiB, 200KB.
import { InvalidArgumentError } from 'commander';

const POWERS = 'KMGTP';

/**
 * K, M, G, T, P and KiB … are powers of 1,024, KB … of 1,000; B is a byte.
 * @param bare what a number without a unit is multiplied with
 */
function parse(text: string, bare: number): number {
  const [, digits, letter = '', kind = ''] = /^(\d+(?:\.\d+)?)\s*(?:([KMGTP])(i?B)?|B)?$/i.exec(text) ?? [];
  if (digits === undefined) {
    throw new InvalidArgumentError('Write a size: 700M, 1.5GiB (powers of 1,024), 200MB (powers of 1,000), 4096B.');
  }
  const unit =
    letter === ''
      ? /B$/i.test(text)
        ? 1
        : bare
      : (kind.toUpperCase() === 'B' ? 1000 : 1024) ** (POWERS.indexOf(letter.toUpperCase()) + 1);
  const bytes = Math.round(Number(digits) * unit);
  if (!Number.isSafeInteger(bytes)) throw new InvalidArgumentError('That is more than any file system holds.');
  return bytes;
}

/** A number alone is bytes. */
export function size(text: string): number {
  const bytes = parse(text, 1);
  if (bytes < 1) throw new InvalidArgumentError('It must be one byte at the least.');
  return bytes;
}

/** Bytes a second. A number alone is KiB, as rsync and rclone have it. 0 is no limit. */
export function rate(text: string): number {
  return parse(text, 1024);
}
