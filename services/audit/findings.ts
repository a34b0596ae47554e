// Findings for people: listed, and accepted by id or path.
import { RollcallError } from '../../domain/exit.ts';
import type { Database } from '../catalog/database.ts';
import { inTransaction } from '../catalog/database.ts';
import { acceptFinding, listFindings } from '../catalog/findings.ts';
import type { FindingState, StoredFinding } from '../catalog/findings.ts';
import { visible } from '../restore/wording.ts';
import { pathsMeant } from './path-named.ts';
import { volumeCalled } from './volume-named.ts';

const STATES: readonly FindingState[] = ['open', 'resolved', 'accepted'];

/** No id is longer, so a longer number is a name. */
const ID = /^\d{1,18}$/;

export async function findingsOf(
  db: Database,
  filter: { readonly volume: string | null; readonly state: FindingState | 'all' },
): Promise<StoredFinding[]> {
  const states = filter.state === 'all' ? STATES : [filter.state];
  if (filter.volume === null) return listFindings(db.pool, { states });
  return listFindings(db.pool, { states, volumeId: (await volumeCalled(db.pool, filter.volume)).id });
}

/**
 * Accepts all of them, or none. @throws RollcallError for what is not open, a path that stands in several volumes, or no reason
 */
export async function acceptFindings(
  db: Database,
  request: {
    /** Ids, or paths, below the volume or whole; a name that is a number is written ./NUMBER. */
    readonly findings: readonly string[];
    readonly volume: string | null;
    /** Where a relative path may start from. */
    readonly cwd: string;
    readonly reason: string;
    readonly actor: string;
    readonly nowMs: number;
  },
): Promise<StoredFinding[]> {
  const volumeId = request.volume === null ? null : (await volumeCalled(db.pool, request.volume)).id;
  const ids: bigint[] = [];
  for (const one of request.findings) {
    // Ids come first, because they are what `rollcall findings` prints: a lost file whose name is that number must not be taken for it.
    if (ID.test(one)) {
      ids.push(BigInt(one));
      continue;
    }
    const open = new Map<string, readonly StoredFinding[]>();
    for (const { path, volume } of await pathsMeant(db.pool, one, request.cwd)) {
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
