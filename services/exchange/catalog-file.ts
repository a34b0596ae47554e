// The file that holds a whole catalog: lines of JSON, and rows as COPY writes them between these. The last line is the
// SHA-256 of all before it, so that a file which was cut off or has rotted is never believed.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { errnoText } from '../../domain/errno.ts';
import { RollcallError } from '../../domain/exit.ts';
import type { DumpedTable, SchemaStep, SequenceState } from '../catalog/dump.ts';
import { bytesOf } from '../files/location.ts';

export const DUMP_FORMAT = 1;

/** The first line. */
export interface DumpHeader {
  readonly rollcall: 'catalog';
  readonly format: number;
  /** Of the program that made it. */
  readonly version: string;
  readonly madeMs: number;
  readonly schema: readonly SchemaStep[];
  readonly tables: readonly DumpedTable[];
}

/** What stands in the file, in order: the header, each table with its pieces and its number of rows, the numbers. */
export type DumpRecord =
  | { readonly header: DumpHeader }
  | { readonly table: string }
  | { readonly piece: Buffer }
  | { readonly rows: number }
  | { readonly sequences: readonly SequenceState[] };

type Write = (piece: Uint8Array) => void | Promise<void>;

export class DumpWriter {
  readonly #write: Write;
  readonly #hash = createHash('sha256');
  #bytes = 0;

  constructor(write: Write) {
    this.#write = write;
  }

  /** So far. */
  get bytes(): number {
    return this.#bytes;
  }

  async put(record: DumpRecord): Promise<void> {
    if ('piece' in record) {
      await this.#add(Buffer.from(`{"piece":${record.piece.length}}\n`));
      await this.#add(record.piece);
    } else await this.#add(Buffer.from(`${JSON.stringify(record)}\n`));
  }

  async end(): Promise<void> {
    await this.#add(Buffer.from(`{"sha256":"${this.#hash.copy().digest('hex')}"}\n`));
  }

  async #add(piece: Buffer): Promise<void> {
    this.#hash.update(piece);
    this.#bytes += piece.length;
    await this.#write(piece);
  }
}

/** Longer lines and pieces are not written: what says so is damaged, and is not waited for. */
const LINE_MAX = 4 << 20;
const PIECE_MAX = 64 << 20;

function damaged(what: string, why: string): RollcallError {
  return new RollcallError(`${what} is not a whole dump of a catalog: ${why}. Nothing was loaded.`, {
    next: 'Copy it again from where it was kept, or take an earlier dump.',
  });
}

/** Bytes that come in any pieces, taken by lines and by number. */
class Source {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#pieces.next();
    if (done === true) return false;
    this.#held = this.#held.length === 0 ? Buffer.from(value) : Buffer.concat([this.#held, value]);
    return true;
  }

  #take(length: number): Buffer {
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  /** With its newline; null where the source ends before one, or there is none for too long. */
  async line(): Promise<Buffer | null> {
    for (;;) {
      const end = this.#held.indexOf(10);
      if (end >= 0) return this.#take(end + 1);
      if (this.#held.length > LINE_MAX || !(await this.#more())) return null;
    }
  }

  async bytes(length: number): Promise<Buffer | null> {
    while (this.#held.length < length) if (!(await this.#more())) return null;
    return this.#take(length);
  }

  async isAtEnd(): Promise<boolean> {
    return this.#held.length === 0 && !(await this.#more());
  }
}

/**
 * What a file holds. It ends in order only where the checksum was met and nothing follows: until then nothing of it is
 * sure.
 * @param what is read, for messages
 */
export async function* readDump(pieces: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<DumpRecord> {
  const source = new Source(pieces);
  const hash = createHash('sha256');
  for (let number = 1; ; number++) {
    const line = await source.line();
    if (line === null) throw damaged(what, 'it is cut off');
    const record = parsed(line);
    if (number === 1) refuseOther(record, what);
    if (record === null) throw damaged(what, `line ${number} of its frame cannot be read`);
    if (typeof record['sha256'] === 'string') {
      if (record['sha256'] !== hash.digest('hex')) throw damaged(what, 'its checksum does not match');
      if (!(await source.isAtEnd())) throw damaged(what, 'something follows its end');
      return;
    }
    hash.update(line);
    const length = record['piece'];
    if (typeof length === 'number') {
      const piece = length <= PIECE_MAX ? await source.bytes(length) : null;
      if (piece === null) throw damaged(what, 'it is cut off');
      hash.update(piece);
      yield { piece };
    } else yield record as unknown as DumpRecord;
  }
}

function parsed(line: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function refuseOther(first: Record<string, unknown> | null, what: string): void {
  const header = first?.['header'] as Partial<DumpHeader> | undefined;
  if (header?.rollcall !== 'catalog')
    throw new RollcallError(`${what} is not a dump of a catalog.`, {
      next: 'Name a file that `rollcall catalog dump` has written.',
    });
  if (header.format !== DUMP_FORMAT)
    throw new RollcallError(`${what} has format ${String(header.format)}; this version reads ${DUMP_FORMAT}.`, {
      next: `Load it with the version that made it (${String(header.version)}).`,
    });
}

/** The bytes of a file, from the beginning. @param file absolute, printable */
export async function* bytesOfFile(file: string): AsyncGenerator<Buffer> {
  try {
    if (!(await stat(bytesOf(file))).isFile()) throw new RollcallError(`${file} is not a file.`);
    for await (const piece of createReadStream(bytesOf(file), { highWaterMark: 1 << 20 })) yield piece as Buffer;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof RollcallError || code === undefined) throw error;
    throw new RollcallError(`The dump ${file} cannot be read (${errnoText(code)}).`, {
      next: 'Name a file that `rollcall catalog dump` has written.',
      cause: error,
    });
  }
}
