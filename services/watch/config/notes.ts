// What is allowed and worth knowing: said by apply each time, so that nobody takes silence for safety.
import type { Configuration } from '../../../domain/watch/configuration.ts';
import { INCIDENT_KINDS } from '../../../domain/watch/incident.ts';
import { insideOf } from './cross.ts';

/** Sentences. */
export function notesOf(configuration: Configuration): readonly string[] {
  const { volumes, backups, hooks, alarms, digest } = configuration;
  const notes: string[] = [];
  if (volumes.length === 0) notes.push('No volume is watched: nothing is audited.');
  for (const volume of volumes) {
    const { name } = volume;
    if (volume.backups.length === 0)
      notes.push(`${name} has no backup: losses are reported, and nothing can be restored.`);
    if (volume.quick === null) notes.push(`${name} is never audited by schedule (quick: never).`);
    if (volume.scrub === null)
      notes.push(`${name} has no scrub: unchanged files are not read again, so bit rot in them goes unnoticed.`);
    if (volume.bricksRescued)
      notes.push(
        `${name} is audited through a GlusterFS mount without asking again (bricks_rescued): take it out before a rebalance.`,
      );
  }
  for (const backup of backups)
    for (const volume of volumes)
      if (insideOf(volume, backup) !== null)
        notes.push(
          `${backup.name} is inside the live volume ${volume.name}: audits are refused unless it is a file system of its own.`,
        );
  const used = new Set(volumes.flatMap(({ backups }) => backups));
  for (const { name } of backups)
    if (!used.has(name)) notes.push(`${name} is not listed as the backup of any volume: it is only scanned.`);
  return [...notes, ...tellingNotes({ hooks, alarms, digest, volumes, backups })];
}

function tellingNotes({
  hooks,
  alarms,
  digest,
  volumes,
  backups,
}: Pick<Configuration, 'hooks' | 'alarms' | 'digest' | 'volumes' | 'backups'>): readonly string[] {
  const tells = alarms.filter((rule) => rule.hooks.length > 0);
  if (tells.length === 0)
    return [
      'Nobody is notified of incidents: no alarm rule names a hook. rollcall status and rollcall incidents show them.',
    ];
  const silent = INCIDENT_KINDS.filter(
    (kind) => !tells.some(({ kinds }) => kinds.length === 0 || kinds.includes(kind)),
  );
  const named = new Set(
    [...tells, ...volumes.map(({ pings }) => ({ hooks: pings })), ...backups.map(({ pings }) => ({ hooks: pings }))]
      .flatMap((one) => one.hooks)
      .concat(digest?.hooks ?? []),
  );
  return [
    ...(silent.length === 0 ? [] : [`No alarm rule covers: ${silent.join(', ')}.`]),
    ...hooks.filter(({ name }) => !named.has(name)).map(({ name }) => `The hook ${name} is never used.`),
  ];
}
