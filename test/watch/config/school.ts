// A file as a school would write it, and what apply says of files.
import { type ParsedConfiguration, parseConfiguration } from '../../../services/watch/config/configuration-file.ts';
import type { Configuration } from '../../../domain/watch/configuration.ts';

export const HERE = { host: 'files', timeZone: 'Europe/Berlin' } as const;

export const parsed = (text: string | Uint8Array): ParsedConfiguration =>
  parseConfiguration(typeof text === 'string' ? Buffer.from(text) : text, HERE);

/** 'LINE:COLUMN FIELD: message' */
export function problems(text: string | Uint8Array): string[] {
  const found = parsed(text);
  if (!('problems' in found)) return [];
  return found.problems.map(
    ({ line, column, field, message }) => `${line ?? '-'}:${column ?? '-'} ${field}: ${message}`,
  );
}

export function configuration(text: string): Configuration {
  const found = parsed(text);
  if ('problems' in found) throw new Error(JSON.stringify(found.problems));
  return found.configuration;
}

/** One volume of one line, and what stands below it. */
export const small = (more = ''): string =>
  `volumes:\n  school: { path: /srv/school, backups: [nightly] }\nbackups:\n  nightly: { host: vault, pattern: /backup/*/data }\n${more}`;
