// Volumes of GlusterFS whose bricks do not hold the content of files, but fragments or pieces of it, or empty files on
// purpose: they are refused.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import type { PieceOf } from './brick-attributes.ts';
import type { BrickSigns, OpenBrick } from './brick-signs.ts';
import type { KnownVolume } from './glusterd-record.ts';

const PIECES: Readonly<Record<PieceOf, string>> = {
  dispersed: 'is dispersed: each brick holds fragments, and none the content of a file',
  sharded: 'is sharded: large files lie in pieces on the bricks',
  striped: 'is striped: files lie in pieces on the bricks',
};
const ARBITER = 'has an arbiter: files on that brick are empty on purpose';

/** @throws RollcallError (4) where glusterd says that the bricks do not hold the content of files */
export function refuseKnownKinds(path: string, { options, name }: KnownVolume): void {
  const counted = (key: string, over = 0): boolean => Number(options.get(key) ?? '0') > over;
  const isSharded = ['on', 'enable', 'true', 'yes', '1'].includes(options.get('features.shard') ?? '');
  const why = counted('disperse_count')
    ? PIECES.dispersed
    : counted('arbiter_count')
      ? ARBITER
      : counted('stripe_count', 1)
        ? PIECES.striped
        : isSharded
          ? PIECES.sharded
          : null;
  if (why !== null) throw refusedKind(`${path}: the volume ${name} ${why}.`);
}

export interface SignedBrick extends OpenBrick {
  readonly signs: BrickSigns;
}

/**
 * @param sets of bricks that hold the same names
 * @throws RollcallError (4) where the bricks themselves say so
 */
export function refuseSeenKinds(path: string, sets: readonly (readonly SignedBrick[])[]): void {
  for (const { path: brick, signs } of sets.flat()) {
    if (signs.pieceOf !== null)
      throw refusedKind(`${path}: by what lies on ${brick} the volume ${PIECES[signs.pieceOf]}.`);
  }
  for (const set of sets) {
    const emptied = set.find(({ signs }) => signs.isEmptied);
    if (emptied === undefined) continue;
    const isAlone = set.length === 1 && emptied.signs.isReplicated;
    if (!isAlone && set.every(({ signs }) => signs.isEmptied)) continue;
    const what = `every file on ${emptied.path} is empty. Such is the brick of an arbiter, or one whose files were emptied`;
    throw refusedKind(`${path}: ${what}.`);
  }
}

function refusedKind(what: string): RollcallError {
  return new RollcallError(`${what} Its files cannot be judged from the bricks.`, {
    exit: EXIT.guard,
    next: 'Copy hidden files off the bricks first (docs/glusterfs.md), then audit the mount with --bricks-rescued.',
  });
}
