// Which complete scan of a volume a person means: the newest, the newest by some time, or a snapshot by its name.
import { RollcallError } from '../../domain/exit.ts';
import type { Scan } from '../../domain/scan.ts';
import { isoAsOf } from '../../domain/window/timeline.ts';
import { volumeNamed } from './volume-named.ts';
import type { When } from './when.ts';
import { completeScans, type Queryable } from '../catalog/scans.ts';
import type { Volume } from '../catalog/volumes.ts';

export interface StateChoice {
  /** A volume's name, the path of a live root, or the pattern of a series. */
  readonly volume: string;
  /** The newest state taken by then; null with a snapshot, or for the newest of all. */
  readonly asOf: When | null;
  readonly snapshot: string | null;
}

export interface ChosenState {
  readonly volume: Volume;
  readonly scan: Scan;
  /** As messages call it: 'nightly/2026-11-20', '/srv/data at 2026-11-21T03:00:00.000Z'. */
  readonly name: string;
}

/** @throws RollcallError where there is no such volume, or no such state of it */
export async function stateOf(
  client: Queryable,
  choice: StateChoice,
  place: { readonly host: string; readonly cwd: string },
): Promise<ChosenState> {
  const volume = await volumeNamed(client, choice.volume, place);
  const scans = await completeScans(client, volume.id);
  const [first] = scans;
  if (first === undefined) {
    throw new RollcallError(`${volume.name} has never been scanned completely.`, {
      next: 'Scan it first: rollcall scan PATH.',
    });
  }
  const { asOf, snapshot } = choice;
  const scan = scans.findLast(
    (one) => (snapshot === null || one.snapshot === snapshot) && (asOf === null || one.asOf.fromMs <= asOf.toMs),
  );
  if (scan === undefined) {
    const known = scans.slice(-8).map((one) => one.snapshot ?? isoAsOf(one.asOf));
    throw new RollcallError(
      snapshot === null
        ? `${volume.name} was not scanned before that time: its first state is of ${isoAsOf(first.asOf)}.`
        : `${volume.name} has no snapshot ${JSON.stringify(snapshot)} that was scanned.`,
      { next: `Its newest states: ${known.join(', ')}.` },
    );
  }
  const name = scan.snapshot === null ? `${volume.name} at ${isoAsOf(scan.asOf)}` : `${volume.name}/${scan.snapshot}`;
  return { volume, scan, name };
}
