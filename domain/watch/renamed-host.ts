// A configuration in which one host bears another name.
import type { Configuration } from './configuration.ts';

/** Null where the host does not stand in it. */
export function withHostRenamed(configuration: Configuration, from: string, to: string): Configuration | null {
  const named = (host: string): string => (host === from ? to : host);
  // A subject that is no volume and no backup is a host.
  const own = new Set([...configuration.volumes, ...configuration.backups].map(({ name }) => name));
  const subjects = (list: readonly string[]): readonly string[] =>
    list.map((subject) => (own.has(subject) ? subject : named(subject)));
  const { bundles } = configuration;
  const renamed: Configuration = {
    ...configuration,
    bundles: bundles === null ? null : { ...bundles, host: named(bundles.host) },
    volumes: configuration.volumes.map((one) => ({ ...one, host: named(one.host) })),
    backups: configuration.backups.map((one) => ({ ...one, host: named(one.host) })),
    maintenance: configuration.maintenance.map((one) => ({ ...one, subjects: subjects(one.subjects) })),
    alarms: configuration.alarms.map((one) => ({ ...one, subjects: subjects(one.subjects) })),
  };
  return JSON.stringify(renamed) === JSON.stringify(configuration) ? null : renamed;
}
