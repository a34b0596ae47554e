// `volumes`: what the catalog knows, one volume after another.
import type { Queryable } from './catalog/scans.ts';
import { isListVolume } from './catalog/lists.ts';
import { listVolumes } from './catalog/volumes.ts';

type Listed = Awaited<ReturnType<typeof listVolumes>>[number];

/** Each with whether it is made of lists that other tools wrote. */
export async function volumes(
  client: Queryable,
): Promise<readonly { readonly volume: Listed; readonly isList: boolean }[]> {
  return (await listVolumes(client)).map((volume) => ({ volume, isList: isListVolume(volume) }));
}
