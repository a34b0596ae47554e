// Findings for people: listed, and accepted by id or path.
import { RollcallError } from '../domain/exit.ts';
import { FLAG } from '../domain/judge/flags.ts';
import { isWithin } from '../domain/path.ts';
import { isLossVerdict, type Verdict, VERDICTS } from '../domain/verdicts.ts';
import type { Database } from './catalog/database.ts';
import { inTransaction } from './catalog/database.ts';
import { acceptFinding, listFindings } from './catalog/findings.ts';
import type { FindingState, StoredFinding } from './catalog/findings.ts';

export type { StoredFinding } from './catalog/findings.ts';
import { visible } from './report/wording.ts';
import { pathsMeant } from './typed/path-named.ts';
import { volumeNamed } from './typed/volume-named.ts';

const STATES: readonly FindingState[] = ['open', 'resolved', 'accepted'];

/** No id is longer, so a longer number is a name. */
const ID = /^\d{1,18}$/;

export interface FindingsFilter {
  readonly volume: string | null;
  readonly state: FindingState | 'all';
  /** Any of these; all when empty. */
  readonly verdicts: readonly Verdict[];
  /** As typed: only what lies there or below, from the volume's root, or whole. Null for everything. */
  readonly path: string | null;
  /** This one, whose paths are meant where no other is named. */
  readonly host: string;
  readonly cwd: string;
}

/** By volume, and of each the worst first; what is as bad, by path. */
export async function findingsOf(db: Database, filter: FindingsFilter): Promise<StoredFinding[]> {
  const states = filter.state === 'all' ? STATES : [filter.state];
  const volumeId = filter.volume === null ? null : (await volumeNamed(db.pool, filter.volume, filter)).id;
  const found = await listFindings(db.pool, { states, ...(volumeId === null ? {} : { volumeId }) });
  const places = filter.path === null ? null : await placesMeant(db, filter.path, filter);
  const wanted = found.filter(
    ({ volume, path, verdict }) =>
      (filter.verdicts.length === 0 || filter.verdicts.includes(verdict)) &&
      (places === null ||
        places.some((place) => (place.volume === null || place.volume === volume) && isWithin(place.path, path))),
  );
  const order = new Map<string, number>();
  for (const { volume } of wanted) if (!order.has(volume)) order.set(volume, order.size);
  const rank = (one: StoredFinding): number => (order.get(one.volume) ?? 0) * RANKS + badness(one);
  // The catalog sorts by path already, and this keeps it.
  return wanted.toSorted((a, b) => rank(a) - rank(b));
}

async function placesMeant(
  db: Database,
  typed: string,
  place: { readonly host: string; readonly cwd: string },
): Promise<{ readonly path: string; readonly volume: string | null }[]> {
  const meant = await pathsMeant(db.pool, typed, place);
  if (meant.length === 0)
    throw new RollcallError(`${visible(typed)} is neither below a volume nor a path that one could have.`, {
      next: 'rollcall volumes lists them.',
    });
  // A path in a snapshot is looked for in every live volume.
  return meant.map(({ path, volume }) => ({ path, volume: volume?.role === 'live' ? volume.name : null }));
}

const RANKS = 1_000;

/** What is lost for good comes first, then the classes in their order, and in each what nobody can tell apart. */
function badness({ verdict, recovery, detail }: StoredFinding): number {
  const rank = VERDICTS.indexOf(verdict) * 4;
  if (isLossVerdict(verdict) && recovery === 'none') return rank;
  return VERDICTS.length * 4 + rank + (isSideUnknown(detail) ? 0 : recovery === 'older' ? 1 : 2);
}

/** Two copies differ, and nothing tells which of them is right. */
export function isSideUnknown(detail: unknown): boolean {
  const { flags } = detail as { readonly flags?: readonly string[] };
  return flags?.includes(FLAG.sideUnknown) === true;
}

/**
 * Accepts all of them, or none. @throws RollcallError for what is not open, a path that stands in several volumes, or
 * no reason
 */
export async function acceptFindings(
  db: Database,
  request: {
    /** Ids, or paths, below the volume or whole; a name that is a number is written ./NUMBER. */
    readonly findings: readonly string[];
    readonly volume: string | null;
    readonly host: string;
    /** Where a relative path may start from. */
    readonly cwd: string;
    readonly reason: string;
    readonly actor: string;
    readonly nowMs: number;
  },
): Promise<StoredFinding[]> {
  const volumeId = request.volume === null ? null : (await volumeNamed(db.pool, request.volume, request)).id;
  const ids: bigint[] = [];
  for (const one of request.findings) {
    // Ids come first, because they are what `rollcall findings` prints: a lost file whose name is that number must not
    // be taken for it.
    if (ID.test(one)) {
      ids.push(BigInt(one));
      continue;
    }
    const open = new Map<string, readonly StoredFinding[]>();
    for (const { path, volume } of await pathsMeant(db.pool, one, request)) {
      const holder = volume?.role === 'live' ? volume.id : volumeId;
      if (volumeId !== null && holder !== volumeId) continue;
      for (const finding of await listFindings(db.pool, holder === null ? { path } : { path, volumeId: holder })) {
        const place = `${finding.path} in ${finding.volume}`;
        open.set(place, [...(open.get(place) ?? []).filter(({ id }) => id !== finding.id), finding]);
      }
    }
    if (open.size > 1) {
      throw new RollcallError(`${visible(one)} may mean ${[...open.keys()].join(', or ')}.`, {
        next: 'Give its whole path, or say which with --volume NAME.',
      });
    }
    const [findings] = open.values();
    if (findings === undefined) {
      throw new RollcallError(`There is no open finding of ${visible(one)}.`, {
        next: 'rollcall findings lists them.',
      });
    }
    ids.push(...findings.map((finding) => finding.id));
  }
  const decision = { reason: request.reason, actor: request.actor, nowMs: request.nowMs };
  return inTransaction(db, (client) => acceptFinding(client, { ids }, decision));
}
