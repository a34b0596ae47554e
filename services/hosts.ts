// `hosts`: who is known, and what a person says of a machine that has another name now, or is no more.
import { EXIT, RollcallError } from '../domain/exit.ts';
import { withHostRenamed } from '../domain/watch/renamed-host.ts';
import { writeAudit } from './catalog/audit-log.ts';
import { holdingConfiguration, keepConfiguration, lockConfigurations } from './catalog/configurations.ts';
import { inTransaction, type Database } from './catalog/database.ts';
import {
  hostInUse,
  type HostInUse,
  keysTaken,
  knownHosts,
  type KnownHost,
  renameHost,
  retireHost,
} from './catalog/hosts.ts';
import type { Queryable } from './catalog/scans.ts';
import { plural } from './report/wording.ts';

export function hosts(client: Queryable): Promise<KnownHost[]> {
  return knownHosts(client);
}

interface Decision {
  readonly reason: string;
  readonly actor: string;
  readonly nowMs: number;
}

export interface Renamed {
  /** How many moved. */
  readonly volumes: number;
  /** The configuration that holds named the host, and names the other one now; its file does not. */
  readonly inConfiguration: boolean;
}

/**
 * From here on the volumes of one host are those of another name, in the configuration, too.
 * @throws RollcallError for a host that is not known (2), and while somebody is at work there (4)
 */
export async function rename(
  db: Database,
  request: Decision & { readonly from: string; readonly to: string },
): Promise<Renamed> {
  const { from, to, reason, actor, nowMs } = request;
  refuseEmpty(reason);
  if (!HOST.test(to))
    throw new RollcallError(`${JSON.stringify(to)} is no name of a host.`, {
      next: 'Letters, digits, dots and dashes.',
    });
  return inTransaction(db, async (client) => {
    await refuseUnknown(client, from);
    for (const host of [from, to]) refuseInUse(host, await hostInUse(client, host));
    const [taken] = await keysTaken(client, from, to);
    if (taken !== undefined)
      throw new RollcallError(`${to} has the volume ${taken} already, and ${from} has the same.`, {
        exit: EXIT.guard,
        next: 'Say which of the two counts: rollcall volumes forget takes the other one out of the catalog.',
      });
    const volumes = await renameHost(client, from, to);
    await writeAudit(client, [{ atMs: nowMs, actor, action: 'host renamed', subject: `${from} is ${to}`, reason }]);
    return { volumes, inConfiguration: await renameInConfiguration(client, request) };
  });
}

async function renameInConfiguration(
  client: Queryable,
  { from, to, actor, nowMs }: Decision & { readonly from: string; readonly to: string },
): Promise<boolean> {
  await lockConfigurations(client);
  const held = await holdingConfiguration(client);
  const document = held === null ? null : withHostRenamed(held, from, to);
  if (document === null) return false;
  if ([...document.volumes, ...document.backups].some(({ name }) => name === to))
    throw new RollcallError(`A volume or backup is called ${to} in the configuration: a host cannot have its name.`, {
      exit: EXIT.guard,
      next: 'Give it another name in rollcall.yaml, and apply that first.',
    });
  await keepConfiguration(client, { document, actor, appliedMs: nowMs });
  return true;
}

/**
 * The host serves no more. What is known of its volumes stays, and counts.
 * @returns how many tasks that were left for it were ended
 * @throws RollcallError for a host that is not known (2), and while somebody is at work there (4)
 */
export async function remove(db: Database, request: Decision & { readonly host: string }): Promise<number> {
  const { host, reason, actor, nowMs } = request;
  refuseEmpty(reason);
  return inTransaction(db, async (client) => {
    await refuseUnknown(client, host);
    refuseInUse(host, { ...(await hostInUse(client, host)), tasks: [] });
    const ended = await retireHost(client, host, { reason, nowMs });
    await writeAudit(client, [{ atMs: nowMs, actor, action: 'host removed', subject: host, reason }]);
    return ended;
  });
}

const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?$/;

function refuseEmpty(reason: string): void {
  if (reason.trim() === '') throw new RollcallError('This needs a reason.', { next: 'Say why with --reason TEXT.' });
}

async function refuseUnknown(client: Queryable, host: string): Promise<void> {
  const known = (await knownHosts(client)).map((one) => one.host);
  if (known.includes(host)) return;
  throw new RollcallError(`There is no host ${JSON.stringify(host)}.`, {
    next: known.length === 0 ? 'Nothing was scanned yet.' : `There are: ${known.join(', ')}.`,
  });
}

function refuseInUse(host: string, { workers, scanning, tasks }: HostInUse): void {
  const guard = (why: string, next: string): RollcallError => new RollcallError(why, { exit: EXIT.guard, next });
  if (workers > 0)
    throw guard(
      `${plural(workers, 'worker')} of ${host} ${workers === 1 ? 'is' : 'are'} at work.`,
      'Stop it first, where it runs.',
    );
  if (scanning.length > 0)
    throw guard(
      `${scanning.join(', ')} on ${host} is being scanned.`,
      'Wait until the scan has ended (rollcall status).',
    );
  if (tasks.length > 0)
    throw guard(
      `Tasks that name ${host} have not ended: ${tasks.join(', ')}.`,
      'Wait for them, or end them with rollcall cancel.',
    );
}
