// What glusterd of this server has written down of a volume: its bricks, in their order, and its options.
import { readdirSync, readFileSync } from 'node:fs';
import type { Brick } from '../../domain/gluster/topology.ts';
import { encodePath } from '../../domain/path.ts';
import { errnoOf } from './errors.ts';

const VOLUMES = '/var/lib/glusterd/vols';
const SERVER = '/var/lib/glusterd/glusterd.info';

/** What this server's glusterd has written down of a volume. */
export interface KnownVolume {
  readonly name: string;
  readonly options: ReadonlyMap<string, string>;
  readonly bricks: readonly Brick[];
  /** Whether each of them is on this server: servers often have their bricks at the same paths. */
  readonly areHere: readonly boolean[];
  /** Bricks of each set that holds the same names. */
  readonly replicas: number;
}

function linesOf(path: string): Map<string, string> {
  const lines = new Map<string, string>();
  for (const line of readFileSync(path, 'latin1').split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) lines.set(line.slice(0, at), line.slice(at + 1));
  }
  return lines;
}

/** Null where there is no glusterd here, or it does not know the volume. */
export function volumeOf(volumeId: string): KnownVolume | null {
  return recorded(() => {
    for (const name of readdirSync(VOLUMES)) {
      const options = linesOf(`${VOLUMES}/${name}/info`);
      if (options.get('volume-id')?.replaceAll('-', '') === volumeId) return knownVolume(name, options);
    }
    return null;
  });
}

/** The same by its name, as a mount has it. */
export function volumeCalled(name: string): KnownVolume | null {
  if (!/^[A-Za-z0-9_-]+$/.test(name)) return null;
  return recorded(() => knownVolume(name, linesOf(`${VOLUMES}/${name}/info`)));
}

function recorded(read: () => KnownVolume | null): KnownVolume | null {
  try {
    return read();
  } catch (error) {
    // Another machine, or one whose glusterd keeps its files elsewhere: the bricks themselves tell what they can.
    if (errnoOf(error) === null) throw error;
    return null;
  }
}

function knownVolume(name: string, options: ReadonlyMap<string, string>): KnownVolume {
  const bricks = bricksOf(name, options);
  const own = linesOf(SERVER).get('UUID') ?? null;
  const areHere = bricks.map(({ server }) => own === null || server === own);
  return { name, options, bricks, areHere, replicas: replicasOf(options) };
}

function replicasOf(options: ReadonlyMap<string, string>): number {
  return Math.max(1, Number(options.get('replica_count') ?? '1') || 1);
}

/** In the order of the volume: brick-0, brick-1 … */
function bricksOf(
  volume: string,
  options: ReadonlyMap<string, string>,
): (Brick & { readonly server: string | null })[] {
  const bricks: (Brick & { readonly server: string | null })[] = [];
  for (let at = 0; ; at++) {
    const file = options.get(`brick-${at}`);
    if (file === undefined) return bricks;
    const brick = linesOf(`${VOLUMES}/${volume}/bricks/${file}`);
    const client = /-client-([0-9]+)$/.exec(brick.get('brick-id') ?? '')?.[1];
    bricks.push({
      host: brick.get('hostname') ?? '',
      path: encodePath(Buffer.from(brick.get('path') ?? '', 'latin1')),
      client: client === undefined ? null : Number(client),
      isArbiter: false,
      server: brick.get('uuid') ?? null,
    });
  }
}
