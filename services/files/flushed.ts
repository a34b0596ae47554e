// Writing so that it is on disk when it is said to be: gathered into large pieces, and flushed before the file is
// closed.
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

const BUFFERED_BYTES = 1024 * 1024;

/** A new file; whoever made it finishes or closes it. Every method throws the system's error. */
export class FlushedFile {
  readonly #fd: number;
  readonly #onWritten: (bytes: Uint8Array) => void;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #written = 0;
  #open = true;

  /**
   * EEXIST where something lies at the path.
   * @param onWritten gets the content, in large pieces
   */
  constructor(path: Buffer, mode: number, onWritten: (bytes: Uint8Array) => void = () => undefined) {
    this.#onWritten = onWritten;
    this.#fd = openSync(path, 'wx', mode);
  }

  /** Bytes that were given to the system so far. */
  get written(): number {
    return this.#written;
  }

  write(piece: Uint8Array): void {
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    if (this.#heldBytes >= BUFFERED_BYTES) this.#flush();
  }

  /** Returns when all of it is on disk. */
  finish(): void {
    this.#flush();
    fsyncSync(this.#fd);
    this.close();
  }

  /** A second call, or one after finish, does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }

  #flush(): void {
    const whole = Buffer.concat(this.#held);
    for (let done = 0; done < whole.length; ) done += writeSync(this.#fd, whole, done);
    this.#written += whole.length;
    this.#onWritten(whole);
    this.#held = [];
    this.#heldBytes = 0;
  }
}

/** The names in a directory survive a power cut only after this. */
export function syncDirectory(path: Buffer): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
