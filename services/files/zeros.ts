// Where the zeros at the end of a content begin. A file whose blocks were lost, or never written, is zeros to its end:
// judging wants to know of every copy that was read, without reading it again. Looks at the end of what was read only,
// so it costs next to nothing.

/** Compared in pieces of this size: by far faster than byte by byte. */
const BLOCK_BYTES = 4_096;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** Length of the bytes without the zeros at their end; 0 where all are zeros. */
export function lengthBeforeZeros(bytes: Buffer): number {
  let length = bytes.length;
  if (length === 0 || bytes[length - 1] !== 0) return length;
  while (length >= BLOCK_BYTES && ZEROS.compare(bytes, length - BLOCK_BYTES, length) === 0) length -= BLOCK_BYTES;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return length;
}

/**
 * Carries the answer over the pieces of one content, in their order; 0 before the first.
 * @param zeroFrom for all that came before `at`: the offset from which it is nothing but zeros to its end
 * @param at offset of the piece
 */
export function zeroFromAfter(zeroFrom: number, at: number, piece: Buffer): number {
  const length = lengthBeforeZeros(piece);
  return length === 0 ? zeroFrom : at + length;
}
