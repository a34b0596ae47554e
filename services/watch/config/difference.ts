// What applying a configuration would change, in the words of the file.
import type { Configuration } from '../../../domain/watch/configuration.ts';
import { stringify } from 'yaml';
import type { ConfigurationFile } from './shape.ts';
import { written } from './written.ts';

export interface FieldChange {
  readonly field: string;
  /** As the file writes it; null where it was not there, or is not there any more. */
  readonly before: string | null;
  readonly after: string | null;
}

export interface Change {
  readonly change: 'new' | 'changed' | 'retired';
  /** 'volume', 'backup', 'hook', or a field at the top of the file. */
  readonly what: string;
  /** Null for a field at the top. */
  readonly name: string | null;
  /** The name that the same place had before. */
  readonly renamedFrom: string | null;
  /** Of what is retired none. */
  readonly fields: readonly FieldChange[];
}

const NAMED = [
  ['volumes', 'volume'],
  ['backups', 'backup'],
  ['hooks', 'hook'],
] as const;
const AT_TOP = ['time_zone', 'bundles', 'maintenance', 'alarms', 'digest', 'keep_messages'] as const;

type Fields = Readonly<Record<string, unknown>>;

/** @param before what holds; null where nothing was ever applied */
export function differences(before: Configuration | null, after: Configuration): readonly Change[] {
  const old: Partial<ConfigurationFile> = before === null ? {} : written(before);
  const fresh = written(after);
  const named = NAMED.flatMap(([section, what]) =>
    namedChanges(what, fieldsByName(old[section]), fieldsByName(fresh[section])),
  );
  const top = fieldChanges(pick(old), pick(fresh)).map(
    (field): Change => ({
      change: field.before === null ? 'new' : field.after === null ? 'retired' : 'changed',
      what: field.field,
      name: null,
      renamedFrom: null,
      fields: [field],
    }),
  );
  return [...named, ...top];
}

function pick(file: Partial<ConfigurationFile>): Fields {
  return Object.fromEntries(AT_TOP.flatMap((field) => (file[field] === undefined ? [] : [[field, file[field]]])));
}

function fieldsByName(section: object | undefined): ReadonlyMap<string, Fields> {
  return new Map(Object.entries(section ?? {}) as [string, Fields][]);
}

function namedChanges(
  what: string,
  before: ReadonlyMap<string, Fields>,
  after: ReadonlyMap<string, Fields>,
): readonly Change[] {
  const gone = [...before.keys()].filter((name) => !after.has(name));
  const changes = [...after].flatMap(([name, fields]): Change[] => {
    const old = before.get(name);
    if (old === undefined) {
      const renamedFrom = gone.find((one) => samePlace(before.get(one), fields)) ?? null;
      return [{ change: 'new', what, name, renamedFrom, fields: fieldChanges({}, fields) }];
    }
    const changed = fieldChanges(old, fields);
    return changed.length === 0 ? [] : [{ change: 'changed', what, name, renamedFrom: null, fields: changed }];
  });
  const retired = gone.map((name): Change => ({ change: 'retired', what, name, renamedFrom: null, fields: [] }));
  return [...changes, ...retired];
}

function samePlace(one: Fields | undefined, other: Fields): boolean {
  const where = (fields: Fields): string | null => {
    const place = fields['path'] ?? fields['bricks'] ?? fields['pattern'];
    return place === undefined ? null : JSON.stringify([fields['host'], place]);
  };
  return one !== undefined && where(other) !== null && where(one) === where(other);
}

function fieldChanges(before: Fields, after: Fields): readonly FieldChange[] {
  const fields = [...new Set([...Object.keys(after), ...Object.keys(before)])];
  return fields.flatMap((field): FieldChange[] => {
    const [old, fresh] = [inline(before[field]), inline(after[field])];
    return old === fresh ? [] : [{ field, before: old, after: fresh }];
  });
}

function inline(value: unknown): string | null {
  if (value === undefined) return null;
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trimEnd();
}
