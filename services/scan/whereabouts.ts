// Where a thread is, told in shared memory: when a system call never returns, the main thread reads which name it was
// made for, and the scan goes on without that name.
import { decodeName, encodeName } from '../../domain/path.ts';
import type { Place } from '../catalog/shards.ts';
import type { Columns } from '../files/columns.ts';

/** The directory's id, the length of the name and the thread, then the bytes of the name. */
const WORDS = 3;
const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;
const NAME_BYTES = 1_024;

/** In place of a directory's id: no call to the file system is under way. The root's id is 0. */
const OUTSIDE = -1;

/** One side writes, the other reads when the first has stood still for minutes: nothing tears. */
export class Whereabouts {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #name: Buffer;

  /** @param buffer of another thread's Whereabouts */
  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(WORDS * WORD_BYTES + NAME_BYTES);
    this.#words = new Int32Array(this.buffer, 0, WORDS);
    this.#name = Buffer.from(this.buffer, WORDS * WORD_BYTES, NAME_BYTES);
    if (buffer === undefined) this.leave();
  }

  /** @param thread the thread that has the shard in its hands; never 0 */
  takeUp(thread: number): void {
    this.#words[2] = thread;
  }

  /** 0 until a thread has taken the shard up. */
  thread(): number {
    return this.#words[2] ?? 0;
  }

  /** @param name printable; '' is the directory itself */
  enter(directory: number, name: string): void {
    this.#words[0] = directory;
    if (name === '') {
      this.#words[1] = 0;
      return;
    }
    const bytes = decodeName(name);
    this.#name.set(bytes.subarray(0, NAME_BYTES));
    this.#words[1] = Math.min(bytes.length, NAME_BYTES);
  }

  /** As enter(), by a name that stands in columns. */
  enterAt(directory: number, columns: Columns, index: number): void {
    this.#words[0] = directory;
    if (columns.nameLength(index) > NAME_BYTES) this.#words[1] = 0;
    else this.#words[1] = columns.copyName(index, this.#name, 0);
  }

  leave(): void {
    this.#words[0] = OUTSIDE;
  }

  /** Null where no call to the file system was under way. */
  place(): Place | null {
    const [directory = OUTSIDE, length = 0] = this.#words;
    if (directory === OUTSIDE) return null;
    return { directory, name: length === 0 ? '' : encodeName(Buffer.from(this.#name.subarray(0, length))) };
  }
}
