// The time zone of this machine, as the C library finds it: from TZ, else from /etc/localtime. Node's own answer
// follows the name that a symlink gives, and so is wrong where another zone's file is mounted there, and has none for
// `TZ=` and for the rules of POSIX.
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { RollcallError } from '../../domain/exit.ts';
import { type OffsetAt, offsetsOf, posixOffsets } from '../../domain/time-zone.ts';

const LOCALTIME = '/etc/localtime';
const DATABASE = '/usr/share/zoneinfo';

/**
 * The offsets of local time here.
 *
 * @param tz what the environment calls TZ; undefined where it does not: then the machine's own zone counts
 * @param localtime the file of the zone database that this machine lives by
 */
export function localOffsets(tz: string | undefined = process.env['TZ'], localtime = LOCALTIME): OffsetAt {
  if (tz === undefined) return offsetsIn(localtime) ?? offsetsOf(zoneOfNode());
  // A colon says that no rule follows.
  const name = tz.startsWith(':') ? tz.slice(1) : tz;
  if (name === '') return offsetsOf('UTC');
  const file = offsetsIn(posix.resolve(DATABASE, name));
  if (file !== null) return file;
  const rule = posixOffsets(tz);
  if (rule !== null) return rule;
  try {
    return offsetsOf(name);
  } catch (error) {
    // The C library takes what it cannot read for UTC.
    if (error instanceof RollcallError) return offsetsOf('UTC');
    throw error;
  }
}

/**
 * The offsets of the zone that a person named, else of this machine's.
 * @throws RollcallError for a zone that is not known here
 */
export function offsetsFor(zone: string | null): OffsetAt {
  return zone === null ? localOffsets() : offsetsOf(zone);
}

function zoneOfNode(): string {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return zone === 'Etc/Unknown' ? 'UTC' : zone;
}

/** Null where there is no such file, or one of another kind. */
function offsetsIn(path: string): OffsetAt | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return null;
  }
  try {
    return parseZone(bytes);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const HEADER_BYTES = 44;

interface Counts {
  readonly isUtc: number;
  readonly isStandard: number;
  readonly leaps: number;
  readonly times: number;
  readonly types: number;
  readonly letters: number;
}

function countsAt(bytes: Buffer, at: number): Counts {
  const count = (index: number): number => bytes.readUInt32BE(at + 20 + 4 * index);
  return {
    isUtc: count(0),
    isStandard: count(1),
    leaps: count(2),
    times: count(3),
    types: count(4),
    letters: count(5),
  };
}

/**
 * A file of the zone database (RFC 8536), version 2 or later. Null for anything else; a RangeError where it is cut
 * short.
 */
function parseZone(bytes: Buffer): OffsetAt | null {
  if (bytes.toString('latin1', 0, 4) !== 'TZif' || (bytes[4] ?? 0) < 0x32) return null;
  const old = countsAt(bytes, 0);
  // The first block repeats the second with times of 32 bits.
  const second =
    HEADER_BYTES + old.times * 5 + old.types * 6 + old.letters + old.leaps * 8 + old.isStandard + old.isUtc;
  const { times, types, letters, leaps, isStandard, isUtc } = countsAt(bytes, second);
  const timesAt = second + HEADER_BYTES;
  const indexesAt = timesAt + times * 8;
  const typesAt = indexesAt + times;
  const changes: number[] = [];
  for (let n = 0; n < times; n++) changes.push(Number(bytes.readBigInt64BE(timesAt + n * 8)) * 1000);
  const offsetOf = (type: number): number => bytes.readInt32BE(typesAt + type * 6) * 1000;
  const footer = bytes.toString('latin1', typesAt + types * 6 + letters + leaps * 12 + isStandard + isUtc);
  const after = posixOffsets(footer.trim());
  const last = changes.at(-1);
  return (atMs) => {
    if (after !== null && (last === undefined || atMs >= last)) return after(atMs);
    const next = changes.findIndex((change) => change > atMs);
    const at = next < 0 ? times - 1 : next - 1;
    return offsetOf(at < 0 ? 0 : bytes.readUInt8(indexesAt + at));
  };
}
