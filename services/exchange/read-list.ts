// Lists that other tools print, read as a whole: which file, which size, which digest, and where it lies below the
// volume. Pure. Everything that cannot be understood for certain is a problem with its line number; nothing is guessed.
import { encodePath, isWithin } from '../../domain/path.ts';
import type { ReadFormat } from '../../domain/list-formats.ts';
import { detect, grammarOf, type Said } from './list-grammars.ts';

export interface ReadOptions {
  /** Null: told from the content. */
  readonly format: ReadFormat | null;
  /**
   * The directory, as the list writes it, that is the volume's root. Printable; null: absolute paths begin with
   * volumeRoot.
   */
  readonly root: string | null;
  readonly volumeRoot: string;
  /** Printable path below the volume's root where the list's relative paths begin; '' for the root itself. */
  readonly below: string;
  /** combined: which of the two compared sides is meant. */
  readonly side: 'src' | 'dst' | null;
}

export interface ListLine {
  /** Printable, below the volume's root. */
  readonly path: string;
  readonly size: number | null;
  /** XXH64, or null: then the list tells that the name was there, and no more. */
  readonly digest: bigint | null;
}

export interface Problem {
  /** From 1 on. */
  readonly line: number;
  readonly why: string;
}

export interface ReadList {
  readonly format: ReadFormat;
  readonly files: readonly ListLine[];
  readonly problems: readonly Problem[];
  /** Lines by digests that Rollcall does not compute: 'SHA256', 'MD5 or XXH128'. */
  readonly foreign: Readonly<Record<string, number>>;
  /** Lines that say again what an earlier one said. */
  readonly duplicates: number;
  readonly directories: number;
  /** borg: names without a digest. They may be directories, links, or further names of one file. */
  readonly undigested: number;
  /** combined: names that rclone could not compare or that only the other side has. */
  readonly elsewhere: number;
  /** Every line ends as on Windows. */
  readonly crlf: boolean;
}

const NAME_BYTES_MAX = 255;
/** rclone writes these where a name has a control character: which of the two it was cannot be known. */
const CONTROL_PICTURE = /[\u2400-\u2421]/;

/** Reads a whole list. A list of which nothing can be told (UTF-16, an unknown format) is one problem. */
export function readList(raw: Buffer, options: ReadOptions): ReadList {
  const reader = new Reader(options);
  reader.read(raw);
  return reader.result();
}

class Reader {
  readonly #options: ReadOptions;
  readonly #files = new Map<string, ListLine & { readonly line: number }>();
  readonly #problems: Problem[] = [];
  readonly #foreign: Record<string, number> = {};
  #format: ReadFormat;
  #counts = { duplicates: 0, directories: 0, elsewhere: 0, undigested: 0 };
  #crlf = false;

  constructor(options: ReadOptions) {
    this.#options = options;
    this.#format = options.format ?? 'checksum';
  }

  result(): ReadList {
    const files = [...this.#files.values()].map(({ path, size, digest }) => ({ path, size, digest }));
    return {
      format: this.#format,
      files,
      problems: this.#problems,
      foreign: this.#foreign,
      ...this.#counts,
      crlf: this.#crlf,
    };
  }

  read(whole: Buffer): void {
    if ((whole[0] === 0xff && whole[1] === 0xfe) || (whole[0] === 0xfe && whole[1] === 0xff)) {
      this.#problem(1, 'it is UTF-16, as PowerShell writes: convert it with iconv -f UTF-16 -t UTF-8');
      return;
    }
    const bom = whole[0] === 0xef && whole[1] === 0xbb && whole[2] === 0xbf;
    const raw = bom ? whole.subarray(3) : whole;
    const zero = raw.includes(0);
    const lines = linesOf(raw, zero ? 0 : 0x0a);
    const ended = lines.whole;
    if (raw.length === 0) {
      this.#problem(1, 'it is empty');
      return;
    }
    this.#crlf = !zero && ended.length > 0 && ended.every((line) => line.endsWith('\r'));
    const plain = this.#crlf ? ended.map((line) => line.slice(0, -1)) : ended;
    const format = this.#options.format ?? detect(plain);
    if (format === null) {
      this.#problem(1, 'its format is not recognised: say which with --format');
      return;
    }
    this.#format = format;
    const say = grammarOf(format, { zero, crlf: this.#crlf, side: this.#options.side, lines: plain });
    plain.forEach((line, index) => {
      // In the middle of a name it is one; at the end of some lines only it may be either.
      if (!zero && line.endsWith('\r'))
        this.#problem(
          index + 1,
          'it ends with a carriage return, and others do not: part of a name, or a line end of Windows?',
        );
      else this.#add(index + 1, say(line));
    });
    if (lines.rest !== '')
      this.#problem(ended.length + 1, 'the last line does not end: the file may be cut off (if not, add a newline)');
  }

  #add(line: number, said: Said): void {
    switch (said.kind) {
      case 'comment':
        return;
      case 'directory':
        this.#counts.directories++;
        return;
      case 'elsewhere':
        this.#counts.elsewhere++;
        return;
      case 'undigested':
        this.#counts.undigested++;
        return;
      case 'problem':
        this.#problem(line, said.why);
        return;
      case 'file':
        this.#file(line, said);
    }
  }

  #file(line: number, said: Extract<Said, { kind: 'file' }>): void {
    const placed = place(said.name, this.#options);
    if ('why' in placed) {
      this.#problem(line, placed.why);
      return;
    }
    const { path } = placed;
    const known = this.#files.get(path);
    if (known !== undefined) {
      if (known.size === said.size && known.digest === said.digest) this.#counts.duplicates++;
      else this.#problem(line, `it contradicts line ${known.line} about ${path}`);
      return;
    }
    if (said.foreign !== null) this.#foreign[said.foreign] = (this.#foreign[said.foreign] ?? 0) + 1;
    this.#files.set(path, { path, size: said.size, digest: said.digest, line });
  }

  #problem(line: number, why: string): void {
    this.#problems.push({ line, why });
  }
}

function linesOf(raw: Buffer, end: number): { readonly whole: string[]; readonly rest: string } {
  const whole: string[] = [];
  let start = 0;
  for (let at = raw.indexOf(end); at >= 0; at = raw.indexOf(end, start)) {
    whole.push(raw.toString('latin1', start, at));
    start = at + 1;
  }
  return { whole, rest: raw.toString('latin1', start) };
}

/** Where a path of the list lies below the volume's root. */
function place(name: string, options: ReadOptions): { readonly path: string } | { readonly why: string } {
  const absolute = name.startsWith('/');
  const names = name.split('/').filter((part) => part !== '' && part !== '.');
  if (names.length === 0 || name.endsWith('/')) return { why: 'it names no file' };
  if (names.includes('..')) return { why: "its path holds '..', which may lead out of the volume" };
  if (names.some((part) => part.length > NAME_BYTES_MAX)) return { why: `a name of more than ${NAME_BYTES_MAX} bytes` };
  const path = encodePath(Buffer.from(`${absolute ? '/' : ''}${names.join('/')}`, 'latin1'));
  if (CONTROL_PICTURE.test(path))
    return {
      why: `${path} has a character that rclone puts in the place of a control character: the name is not certain`,
    };
  const root = options.root ?? (absolute ? options.volumeRoot : null);
  if (root === null || absolute !== root.startsWith('/')) {
    if (absolute)
      return {
        why: `${path} is absolute, and the root ${root ?? ''} is not: say with --root which directory is the volume's root`,
      };
    return { path: options.below === '' ? path : `${options.below}/${path}` };
  }
  if (!isWithin(root, path) || root === path) return { why: `${path} is outside of ${root}` };
  const inside = path.slice(root === '/' ? 1 : root.length + 1);
  return { path: options.below === '' ? inside : `${options.below}/${inside}` };
}
