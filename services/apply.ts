// `apply` and `config`: from a file to what holds, whole or not at all, and what holds now.
import { EXIT, RollcallError } from '../domain/exit.ts';
import type { Configuration } from '../domain/watch/configuration.ts';
import { writeAudit } from './catalog/audit-log.ts';
import { keepConfiguration, keptConfiguration, lockConfigurations } from './catalog/configurations.ts';
import { type Database, inTransaction } from './catalog/database.ts';
import { knownHosts } from './catalog/hosts.ts';
import type { Queryable } from './catalog/scans.ts';
import { setRunsApart } from './catalog/schedule-runs.ts';
import { watchedMatches } from './catalog/watched.ts';
import { readNamedFile } from './process/named-file.ts';
import { type ParsedConfiguration, parseConfiguration } from './watch/config/configuration-file.ts';
import { hostsOf } from './watch/config/cross.ts';
import { type Change, differences } from './watch/config/difference.ts';
import { notesOf } from './watch/config/notes.ts';
import { placesHere } from './watch/config/places.ts';
import { meant } from './watch/config/problem.ts';
import type { Here } from './watch/config/read.ts';
import { BYTES_MAX } from './watch/config/source.ts';

export { keptConfiguration } from './catalog/configurations.ts';
export { SCHEMA } from './watch/config/schema.ts';
export { configurationText } from './watch/config/text.ts';

/**
 * Reads and checks a file; touches no catalog.
 * @throws RollcallError where it cannot be read, or others can write it
 */
export function readConfigurationFile(
  path: string,
  here: Here,
): ParsedConfiguration & { readonly notes: readonly string[] } {
  const { bytes, isOpenToOthers, isOpenToGroup } = readNamedFile(path, BYTES_MAX);
  if (isOpenToOthers)
    throw new RollcallError(`Any user on this machine can write to ${path}, so its content cannot be trusted.`, {
      exit: EXIT.guard,
      next: `Check its content, then: chmod o-w ${path}`,
    });
  const notes = isOpenToGroup ? [`${path} can be written by its group.`] : [];
  const parsed = parseConfiguration(bytes, here);
  if ('problems' in parsed) return { ...parsed, notes };
  const places = placesHere(parsed.configuration, here.host);
  if (places.problems.length === 0) return { ...parsed, notes: [...notes, ...places.notes] };
  return { problems: places.problems.map(parsed.locate), notes };
}

export interface Applied {
  readonly changes: readonly (Change & {
    /** The label of a volume that commands made, which is watched from now on under this name. */
    readonly adopts: string | null;
  })[];
  /** Sentences. */
  readonly notes: readonly string[];
  /** False with check, and where nothing changes. */
  readonly applied: boolean;
}

/** In one transaction: two that come at once apply one after the other, and each says what it changed. */
export async function apply(
  db: Database,
  request: {
    readonly configuration: Configuration;
    /** Only says what would change. */
    readonly check: boolean;
    readonly here: Here;
    readonly actor: string;
    readonly nowMs: number;
  },
): Promise<Applied> {
  const { configuration, check, actor, nowMs } = request;
  return inTransaction(db, async (client) => {
    if (!check) await lockConfigurations(client);
    const before = (await keptConfiguration(client))?.document ?? null;
    const changes = differences(before, configuration);
    const matches = await watchedMatches(client, configuration);
    const known = before === null ? new Map() : await watchedMatches(client, before);
    const watched = new Set([...known.values()].map(({ id }) => id));
    const adopting = changes.map((change) => {
      const match = change.change === 'new' && change.name !== null ? matches.get(change.name) : undefined;
      const isVolume = change.what === 'volume' || change.what === 'backup';
      return { ...change, adopts: isVolume && match !== undefined && !watched.has(match.id) ? match.label : null };
    });
    const notes = [...notesOf(configuration), ...(await hostNotes(client, configuration, request.here.host))];
    const applied = !check && changes.length > 0;
    if (applied) {
      await keepConfiguration(client, { document: configuration, actor, appliedMs: nowMs });
      await setRunsApart(client, moved(before, configuration));
      await writeAudit(client, [
        { atMs: nowMs, actor, action: 'configuration applied', subject: subjectOf(changes), reason: null },
      ]);
    }
    return { changes: adopting, notes, applied };
  });
}

/** Names that mean another place than before, or meant none: what ran for them says nothing of it. */
function moved(
  before: Configuration | null,
  after: Configuration,
): { readonly name: string; readonly before: string }[] {
  const places = before === null ? new Map<string, string>() : placesOf(before);
  return [...placesOf(after)].flatMap(([name, place]) => {
    const known = places.get(name);
    return known === place ? [] : [{ name, before: known ?? 'not watched any more' }];
  });
}

function placesOf({ volumes, backups }: Configuration): ReadonlyMap<string, string> {
  return new Map([
    ...volumes.map(({ name, host, path }) => [name, `${host}:${path}`] as const),
    ...backups.map(({ name, host, pattern }) => [name, `${host}:${pattern}`] as const),
  ]);
}

/** 'new: school, nightly; changed: alarms' */
function subjectOf(changes: readonly Change[]): string {
  const kinds = ['new', 'changed', 'retired'] as const;
  return kinds
    .map(
      (kind) => [kind, changes.filter(({ change }) => change === kind).map(({ what, name }) => name ?? what)] as const,
    )
    .filter(([, names]) => names.length > 0)
    .map(([kind, names]) => `${kind}: ${names.join(', ')}`)
    .join('; ');
}

/** A name that no worker has is a host that is new, or a typing error. */
async function hostNotes(client: Queryable, configuration: Configuration, here: string): Promise<readonly string[]> {
  const known = await knownHosts(client);
  const served = new Set(known.filter(({ workers }) => workers.some(({ alive }) => alive)).map(({ host }) => host));
  return hostsOf(configuration)
    .filter((host) => host !== here && !served.has(host))
    .map((host) => {
      const others = [here, ...known.map((one) => one.host)].filter((one) => one !== host);
      const isKnown = known.some((one) => one.host === host);
      const near = isKnown ? null : meant(host, others);
      return `No worker runs on ${host}${near === null ? '' : ` (is ${near} meant?)`}: start rollcall worker there.`;
    });
}
