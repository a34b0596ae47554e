// The names under which old content is put beside what has its name now, and what an earlier restore has put there.
import type { Finding, State } from '../../domain/assessment.ts';
import { isDamageVerdict } from '../../domain/verdicts.ts';
import { baseName, decodeName, encodeName, joinPath, parentOf } from '../../domain/path.ts';
import type { Copies } from './content.ts';

const NAME_BYTES_MAX = 255;
const SUFFIX = /\.rollcall-(?:\d{8}T\d{6}Z|snapshot)(?:-\d+)?$/;

/** Whether the old content goes beside what lies there, rather than in its place. `obstacle` is what damaged content is held against. */
export function isBeside(
  finding: Pick<Finding, 'verdict'>,
  {
    obstacle,
    source,
  }: { readonly obstacle: { readonly state: State } | null; readonly source: { readonly state: State } },
): boolean {
  if (finding.verdict === 'replaced' || finding.verdict === 'recreated' || finding.verdict === 'unreadable')
    return true;
  // Damaged content is replaced by content of its own kind only.
  return isDamageVerdict(finding.verdict) && (obstacle === null || obstacle.state.kind !== source.state.kind);
}

/** 20261120T030000Z, from the start of an ISO 8601 time or interval. */
function stamp(asOf: string): string {
  const ms = Date.parse(asOf.split('/')[0] ?? '');
  return Number.isNaN(ms) ? 'snapshot' : `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** A name beside `path` that nothing of this assessment has, at most 255 bytes, cut between characters. */
export function besideName(path: string, asOf: string, taken: ReadonlySet<string>): string {
  const name = decodeName(baseName(path));
  for (let n = 1; ; n++) {
    const suffix = Buffer.from(`.rollcall-${stamp(asOf)}${n === 1 ? '' : `-${n}`}`);
    let keep = Math.min(name.length, NAME_BYTES_MAX - suffix.length);
    while (keep > 0 && keep < name.length && ((name[keep] ?? 0) & 0xc0) === 0x80) keep--;
    const beside = joinPath(parentOf(path), encodeName(Buffer.concat([name.subarray(0, keep), suffix])));
    if (!taken.has(beside)) return beside;
  }
}

/** Of one directory at a time: findings come sorted by path. */
export class Besides {
  readonly #live: Copies | null;
  #directory: string | null = null;
  #names: readonly string[] = [];

  /** @param live the volume; null where it cannot be opened */
  constructor(live: Copies | null) {
    this.#live = live;
  }

  /** Where the content is beside its path already, under whatever time; null where it is not, or cannot be read. */
  of(path: string, state: State): string | null {
    const live = this.#live;
    if (live === null) return null;
    const directory = parentOf(path);
    if (this.#directory !== directory) {
      this.#names = live.names(directory).filter((name) => SUFFIX.test(name));
      this.#directory = directory;
    }
    const name = baseName(path);
    const found = this.#names.find((each) => {
      const stem = each.replace(SUFFIX, '');
      // A long name was cut.
      const isOfName = stem === name || (name.startsWith(stem) && decodeName(each).length > NAME_BYTES_MAX - 4);
      return isOfName && this.holds(joinPath(directory, each), state);
    });
    return found === undefined ? null : joinPath(directory, found);
  }

  /** Whether the content lies there. A directory is one that is there. */
  holds(path: string, state: State): boolean {
    const look = this.#live?.read(path);
    if (look?.is !== 'there' || look.state.kind !== state.kind) return false;
    if (state.kind === 'file') return state.digest !== null && look.state.digest === state.digest;
    return look.state.target === state.target && look.state.rdev === state.rdev;
  }
}
