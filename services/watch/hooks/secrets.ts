// The values of secrets, at the moment in which one is needed: they are never kept, logged or told.
import { join } from 'node:path';
import { RollcallError } from '../../../domain/exit.ts';
import { SECRETS_DIRECTORY, secretSource } from '../../../domain/watch/secret.ts';
import type { Secret } from '../../../domain/watch/configuration.ts';
import { readSecretFile } from '../../process/secret-file.ts';
import { NotDelivered } from './request.ts';

export interface SecretPlaces {
  /** The environment of rollcall serve. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The first that has the file counts. */
  readonly directories: readonly string[];
}

/** systemd puts what LoadCredential= names into a directory of the service's own. */
export function secretPlaces(environment: SecretPlaces['environment']): SecretPlaces {
  const own = environment['CREDENTIALS_DIRECTORY'];
  return { environment, directories: own === undefined ? [SECRETS_DIRECTORY] : [own, SECRETS_DIRECTORY] };
}

/** @throws NotDelivered where this machine has no such secret; it says the reference, never a value */
export function secretValue(reference: Secret, { environment, directories }: SecretPlaces): string {
  const source = secretSource(reference);
  if ('refused' in source) throw new NotDelivered(`a secret of the hook is refused: ${source.refused}`);
  if (source.kind === 'plain') return oneLine(source.text);
  if (source.kind === 'env') {
    const value = environment[source.name];
    if (value === undefined || value === '')
      throw new NotDelivered(`the environment of rollcall serve has no ${source.name}`);
    return oneLine(value);
  }
  let refused: unknown = null;
  for (const directory of directories) {
    try {
      return readSecretFile('the hook', join(directory, source.name));
    } catch (error) {
      refused = error;
    }
  }
  if (refused instanceof RollcallError) throw new NotDelivered(refused.message, { cause: refused });
  throw refused;
}

/** It becomes part of a header. */
function oneLine(value: string): string {
  if (/\p{Cc}/u.test(value)) throw new NotDelivered('a secret of the hook holds control characters or several lines');
  return value;
}
