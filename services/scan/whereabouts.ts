// Where a thread is, told in shared memory: when a system call never returns, the main thread reads which name it was made for, and the scan
// goes on without that name.
import type { Place } from '../catalog/shards.ts';

/** The directory's id, the length of the name and the thread, then the name: of 255 bytes, at most four times as long when it is printable. */
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
    this.#words[1] = name === '' ? 0 : this.#name.write(name, 'utf8');
  }

  leave(): void {
    this.#words[0] = OUTSIDE;
  }

  /** Null where no call to the file system was under way. */
  place(): Place | null {
    const [directory = OUTSIDE, length = 0] = this.#words;
    return directory === OUTSIDE ? null : { directory, name: this.#name.toString('utf8', 0, length) };
  }
}
