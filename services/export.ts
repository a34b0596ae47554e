// `rollcall export`: what a volume held at one complete scan, as a list that another tool checks with; or two states
// compared, as rclone prints it.
import { errnoText } from '../domain/errno.ts';
import { RollcallError } from '../domain/exit.ts';
import { isBrickVerdict, reasonOf } from '../domain/gluster/evidence.ts';
import { joinPath } from '../domain/path.ts';
import { type Gap, hidesNothing } from '../domain/scan.ts';
import { type Database, inTransaction } from './catalog/database.ts';
import { freezeView, placesOnHost } from './catalog/export.ts';
import { type ComparedPath, comparedAt, manifestAt, type ManifestEntry } from './catalog/manifest.ts';
import { gapsOf } from './catalog/reconciliation.ts';
import { checkFilePlace, writeWhole } from './files/whole-file.ts';
import { placeOutside } from './typed/outside.ts';
import type { WriteFormat } from '../domain/list-formats.ts';
import { combinedLine, digestLine, jsonLine, type Sign, signOf } from './exchange/list-lines.ts';
import { type StateChoice, stateOf } from './typed/state-of.ts';

export interface ManifestRequest {
  readonly state: StateChoice;
  readonly format: WriteFormat;
  /** combined only: what the state is held against (rclone's destination). */
  readonly against: StateChoice | null;
  /** Lines end with NUL; gnu only. */
  readonly zero: boolean;
  /** As typed; null for standard output. */
  readonly file: string | null;
  readonly overwrite: boolean;
}

export interface ManifestTools {
  readonly db: Database;
  readonly host: string;
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Standard output. */
  readonly write: (piece: Uint8Array) => void;
  /** Told of every name that is refused, as it is met. */
  readonly onRefused: (path: string) => void;
}

export interface ManifestSummary {
  /** Absolute, printable; null for standard output. */
  readonly file: string | null;
  readonly state: string;
  readonly against: string | null;
  readonly written: number;
  /** Names that the format cannot hold. */
  readonly refused: number;
  /** Files whose bytes nobody has read: they have no digest, and no line. */
  readonly unread: { readonly files: number; readonly first: readonly string[] };
  /** What the scans could not look at; what lies there has no line, or a '!'. */
  readonly gaps: readonly Gap[];
  /** Directories, links and the like, which such lists do not hold. */
  readonly others: number;
  /** combined: names that an imported list lacks, which says nothing. */
  readonly notListed: number;
  /** Lines by sign; combined only. */
  readonly signs: Readonly<Record<Sign, number>> | null;
}

const WORDS = { what: 'list', option: '-o' };
const UNREAD_SHOWN = 20;

/** @throws RollcallError for a volume or state that is not known, and for a file that may not be written there */
export async function exportManifest(tools: ManifestTools, request: ManifestRequest): Promise<ManifestSummary> {
  const { pool } = tools.db;
  const state = await stateOf(pool, request.state, tools);
  const against = request.against === null ? null : await stateOf(pool, request.against, tools);
  const file = request.file === null ? null : await placeOf(tools, request.file, request.overwrite);
  const fill = (write: (piece: Uint8Array) => void): Promise<Counts> =>
    inTransaction(tools.db, async (client) => {
      await freezeView(client);
      const counts = new Counts(tools);
      if (against === null) {
        for await (const entries of manifestAt(client, state.scan)) counts.list(entries, request, write);
      } else {
        const partial = { left: state.scan.list === 'partial', right: against.scan.list === 'partial' };
        for await (const paths of comparedAt(client, state.scan, against.scan)) counts.compare(paths, partial, write);
      }
      return counts;
    });
  const counts = file === null ? await fill(tools.write) : (await writeWhole(file, WORDS, fill)).value;
  const scans = [state, ...(against === null ? [] : [against])].map(({ scan }) => scan.id);
  // What bricks contradict one another in was read all the same, where users see one content.
  const isRead = (gap: Gap): boolean => hidesNothing(gap) && isBrickVerdict(gap.status);
  const gaps = (await gapsOf(pool, scans)).filter((gap) => gap.status !== 'boundary' && !isRead(gap));
  return {
    file,
    state: state.name,
    against: against?.name ?? null,
    written: counts.written,
    refused: counts.refused,
    unread: { files: counts.unread, first: counts.firstUnread },
    gaps,
    others: counts.others,
    notListed: counts.notListed,
    signs: against === null ? null : counts.signs,
  };
}

async function placeOf(tools: ManifestTools, typed: string, overwrite: boolean): Promise<string> {
  const volumes = await placesOnHost(tools.db.pool, tools.host);
  const at = { cwd: tools.cwd, crossMounts: false, bricksRescued: false };
  const file = placeOutside({ what: 'list', argument: typed, option: '-o' }, at, { volumes, series: [] });
  if (checkFilePlace(file, WORDS).exists && !overwrite) {
    throw new RollcallError(`${file} exists.`, { next: 'Choose another file with -o, or say --overwrite.' });
  }
  return file;
}

class Counts {
  written = 0;
  refused = 0;
  unread = 0;
  others = 0;
  notListed = 0;
  readonly firstUnread: string[] = [];
  readonly signs: Record<Sign, number> = { '=': 0, '-': 0, '+': 0, '*': 0, '!': 0 };
  readonly #tools: ManifestTools;

  constructor(tools: ManifestTools) {
    this.#tools = tools;
  }

  list(entries: readonly ManifestEntry[], request: ManifestRequest, write: (piece: Uint8Array) => void): void {
    this.#stopIfAborted();
    const { format, zero } = request;
    const lines: Uint8Array[] = [];
    for (const entry of entries) {
      if (entry.kind === 'file' && entry.digest === null) this.#unread(entry.path);
      if (format === 'jsonl') {
        lines.push(jsonLine(entry));
      } else if (format !== 'combined' && entry.kind === 'file') {
        if (entry.digest === null) continue;
        const line = digestLine(entry, format, zero);
        if (line === null) this.#refuse(entry.path);
        else lines.push(line);
      } else this.others++;
    }
    this.written += lines.length;
    write(Buffer.concat(lines));
  }

  compare(
    paths: readonly ComparedPath[],
    partial: { readonly left: boolean; readonly right: boolean },
    write: (piece: Uint8Array) => void,
  ): void {
    this.#stopIfAborted();
    const lines: Uint8Array[] = [];
    for (const compared of paths) {
      const sign = signOf(compared, partial);
      if (sign === null) {
        this.notListed++;
        continue;
      }
      this.signs[sign]++;
      const line = combinedLine(compared.path, sign);
      if (line === null) this.#refuse(compared.path);
      else lines.push(line);
    }
    this.written += lines.length;
    write(Buffer.concat(lines));
  }

  #unread(path: string): void {
    this.unread++;
    if (this.firstUnread.length < UNREAD_SHOWN) this.firstUnread.push(path);
  }

  #refuse(path: string): void {
    this.refused++;
    this.#tools.onRefused(path);
  }

  #stopIfAborted(): void {
    this.#tools.signal.throwIfAborted();
  }
}

/** As messages call what a scan could not look at. */
export function gapText(gap: Gap): string {
  const path = gap.name === '' ? gap.directory : joinPath(gap.directory, gap.name);
  return `${path === '' ? 'the root' : path} (${gap.errno === null ? (reasonOf(gap.detail) ?? gap.status) : errnoText(gap.errno)})`;
}
