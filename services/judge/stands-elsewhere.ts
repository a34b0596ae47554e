// What is gone under one name and is there under another is no loss, whatever moved it.
import { versionAt } from '../../domain/facts.ts';
import type { Version } from '../../domain/version.ts';
import { standingAlike } from '../catalog/neighbours.ts';
import type { Queryable } from '../catalog/scans.ts';
import type { Case } from './judging.ts';
import type { Loaded } from './load.ts';
import { lastSeenAt } from './movement.ts';

/** Whether what is gone and was touched has its content, or its size and exact time, under another name. */
export async function elsewhereOf(
  client: Queryable,
  { roots, observers }: Pick<Loaded, 'roots' | 'observers'>,
  gone: readonly Case[],
): Promise<(one: Case) => boolean> {
  const live = roots.find((root) => root.live);
  const lastOf = ({ facts }: Case): Version | null => {
    const version = versionAt(facts.sights, lastSeenAt(facts, observers.length - 1));
    return version?.kind === 'file' && (version.size ?? 0) > 0 ? version : null;
  };
  const wanted = gone.flatMap((one) => {
    const version = one.facts.surroundings?.absence?.how === 'touched' ? lastOf(one) : null;
    return version === null ? [] : [{ size: version.size ?? 0, digest: version.digest, mtimeNs: version.mtimeNs }];
  });
  const asks = live !== undefined && wanted.length > 0;
  const standing = asks ? await standingAlike(client, live, wanted) : new Set<string>();
  return (one) => {
    const version = lastOf(one);
    if (version === null) return false;
    const { size, digest, mtimeNs } = version;
    return (digest !== null && standing.has(`${size} ${digest}`)) || standing.has(`${size} at ${mtimeNs}`);
  };
}
