// What holds, as a file that apply takes again.
import { stringify } from 'yaml';
import type { Configuration } from '../../../domain/watch/configuration.ts';
import { written } from './written.ts';

export function configurationText(configuration: Configuration): string {
  return stringify(written(configuration), { lineWidth: 0, flowCollectionPadding: false });
}
