// What is asked of bricks that lie on another host, as one text there and one text back: directories with all that
// their names and attributes say, single names, and contents. Whoever has the bricks answers it (answer-elsewhere.ts).
import type { Kind } from '../../domain/version.ts';
import type { BrickAttributes, NamedByParent } from './brick-attributes.ts';
import type { ContentMeasure } from './compare.ts';
import { FileError } from './errors.ts';
import type { KnownVolume } from './glusterd-record.ts';
import type { Handles } from './handles.ts';
import type { ReadResult } from './read.ts';
import type { Stat } from './stat.ts';

/** One directory of one brick. */
export interface Wanted {
  /** The root of the brick: absolute, printable. */
  readonly brick: string;
  /** Below it; '' is the root. */
  readonly path: string;
  /** All names that it holds, with all that is known of each. */
  readonly list: boolean;
  /** Names that are looked up, listed or not. */
  readonly names: readonly string[];
  /** Names whose content is read. */
  readonly read: readonly string[];
  /** Names of which a comparison is half made (compare.ts). */
  readonly measure: readonly { readonly name: string; readonly lengths: readonly number[] | null }[];
  /** Names of which the names that they had are asked for, and names that are held against their signature. */
  readonly had: readonly string[];
  readonly signed: readonly string[];
  /** Handles that no name leads to: of the root. */
  readonly handles: boolean;
  /** Attributes of the directory itself, by name. */
  readonly keys: readonly string[];
}

export const NOTHING_WANTED = {
  list: false,
  names: [],
  read: [],
  measure: [],
  had: [],
  signed: [],
  handles: false,
  keys: [],
} as const;

export type Signature = 'fits' | 'broken';

export interface Question {
  /** What the root of each brick must bear; null where that is what is asked. */
  readonly volumeId: string | null;
  readonly wanted: readonly Wanted[];
  /** What glusterd of that host has written down of the volume is asked for, too. */
  readonly record: boolean;
  /** Contents are read from the medium. */
  readonly isFromMedium: boolean;
}

/** Of a name: what a lookup and its attributes say, or why they say nothing. */
export type FoundName =
  | { readonly errno: string; readonly detail: string | null }
  | { readonly stat: Stat; readonly attributes: BrickAttributes; readonly target: string | null };

export interface FoundContent {
  readonly result: ReadResult;
  /** Of `trusted.glusterfs.mdata` after it was read; null where there is none. */
  readonly mdataMtimeNs: bigint | null;
}

export interface FoundDirectory {
  /** Before it was listed. */
  readonly stat: Stat;
  /** After it was listed; null where it was not. */
  readonly after: Stat | null;
  readonly attributes: BrickAttributes;
  /** By printable name: those that were asked for, and all that are listed. */
  readonly names: Map<string, FoundName>;
  readonly listed: readonly string[];
  /** Why the listing broke off; null where it is whole. */
  readonly broke: string | null;
  readonly contents: Map<string, FoundContent>;
  readonly measures: Map<string, ContentMeasure>;
  /** Null: it has none of that name. */
  readonly keys: Map<string, Buffer | null>;
  readonly had: Map<string, readonly NamedByParent[]>;
  /** Null: nothing is signed. */
  readonly signed: Map<string, Signature | null>;
  readonly handles: Handles | null;
}

/** null: too much was asked for at once, and this is to be asked again. */
export type Found = FoundDirectory | { readonly errno: string; readonly detail: string | null } | null;

export interface Answer {
  /** One for each that was wanted, in order. */
  readonly found: readonly Found[];
  readonly record: KnownVolume | null;
}

/** Asks a host, and waits. @returns the text of its answer @throws FileError where it does not answer */
export type AskHost = (host: string, question: string) => string;

interface Reached {
  /** The host that this process runs on, by the name that roots have it under. */
  readonly host: string;
  readonly ask: AskHost;
}

const NOBODY: Reached = {
  host: '',
  ask: (host) => {
    throw new FileError('EHOSTDOWN', 'ask', host, 'bricks on other hosts are read by their workers');
  },
};
let reached: Reached = NOBODY;

/** From here on this thread asks other hosts in this way; null: it asks none. */
export function reachHosts(how: Reached | null): void {
  reached = how ?? NOBODY;
}

/** The same, where what goes wrong is the host's not answering. @param call throws Error */
export function reachHostsBy(host: string, call: AskHost): void {
  reachHosts({
    host,
    ask: (other, question) => {
      try {
        return call(other, question);
      } catch (error) {
        throw silent(other, error);
      }
    },
  });
}

/** That a host does not answer, and why. */
export function silent(host: string, error: unknown): FileError {
  return new FileError('EHOSTDOWN', 'ask', host, error instanceof Error ? error.message : String(error));
}

/** As `act` needs other hosts: for as long as it runs. */
export function reachingHosts<T>(how: Reached, act: () => T): T {
  const before = reached;
  reached = how;
  try {
    return act();
  } finally {
    reached = before;
  }
}

export function ownHost(): string {
  return reached.host;
}

/** @throws FileError where it does not answer */
export function askHost(host: string, question: Question): Answer {
  return answerFrom(reached.ask(host, JSON.stringify(question)));
}

type StatTuple = readonly unknown[];

function statText(stat: Stat): StatTuple {
  const { kind, mode, uid, gid, size, mtimeNs, ctimeNs, btimeNs, inode, device, nlink, rdev, blocks, mountId } = stat;
  const times = [String(mtimeNs), String(ctimeNs), String(btimeNs)];
  const own = rdev === null ? null : String(rdev);
  return [kind, mode, uid, gid, size, ...times, String(inode), String(device), nlink, own, blocks, mountId];
}

function statFrom(tuple: StatTuple): Stat {
  const text = (at: number): bigint => BigInt(String(tuple[at]));
  return {
    kind: tuple[0] as Kind,
    mode: Number(tuple[1]),
    uid: Number(tuple[2]),
    gid: Number(tuple[3]),
    size: tuple[4] === null ? null : Number(tuple[4]),
    mtimeNs: text(5),
    ctimeNs: text(6),
    btimeNs: text(7),
    inode: text(8),
    device: text(9),
    nlink: Number(tuple[10]),
    rdev: tuple[11] === null ? null : text(11),
    blocks: Number(tuple[12]),
    mountId: Number(tuple[13]),
  };
}

/** Times are bigints, which JSON has not; all else is plain. */
function attributesText({ mdataMtimeNs, ...rest }: BrickAttributes): AttributesText {
  return { ...rest, mdataMtimeNs: mdataMtimeNs === null ? null : String(mdataMtimeNs) };
}

type AttributesText = Omit<BrickAttributes, 'mdataMtimeNs'> & { readonly mdataMtimeNs: string | null };

function attributesFrom({ mdataMtimeNs, ...rest }: AttributesText): BrickAttributes {
  return { ...rest, mdataMtimeNs: mdataMtimeNs === null ? null : BigInt(mdataMtimeNs) };
}

interface ContentText {
  readonly ok: boolean;
  readonly digest: string;
  readonly stat: StatTuple;
}

function contentText({ result, mdataMtimeNs }: FoundContent): unknown[] {
  const text = result.ok ? { ...result, digest: String(result.digest), stat: statText(result.stat) } : result;
  return [text, mdataMtimeNs === null ? null : String(mdataMtimeNs)];
}

function contentFrom(data: ContentText, mdata: string | null): FoundContent {
  const stated = (): object => ({ ...data, digest: BigInt(data.digest), stat: statFrom(data.stat) });
  const result = (data.ok ? stated() : data) as ReadResult;
  return { result, mdataMtimeNs: mdata === null ? null : BigInt(mdata) };
}

/** Names are values and never keys: a file may be called __proto__. */
export function foundText(found: Found): unknown {
  if (found === null || 'errno' in found) return found;
  const { stat, after, attributes, names, listed, broke, contents, measures, keys, had, signed, handles } = found;
  return {
    stat: statText(stat),
    after: after === null ? null : statText(after),
    attributes: attributesText(attributes),
    names: [...names].map(([name, one]) =>
      'errno' in one ? [name, one] : [name, statText(one.stat), attributesText(one.attributes), one.target],
    ),
    // Nearly always all of them, in the same order.
    listed: listed.length === names.size ? null : listed,
    broke,
    contents: [...contents].map(([name, content]) => [name, ...contentText(content)]),
    measures: [...measures],
    keys: [...keys].map(([key, value]) => [key, value === null ? null : value.toString('hex')]),
    had: [...had],
    signed: [...signed],
    handles: handles === null ? null : { orphans: handles.orphans, unread: [...handles.unread] },
  };
}

type NameText = readonly [string, StatTuple, AttributesText, string | null] | readonly [string, FoundName];

interface DirectoryText {
  readonly stat: StatTuple;
  readonly after: StatTuple | null;
  readonly attributes: AttributesText;
  readonly names: readonly NameText[];
  readonly listed: readonly string[] | null;
  readonly broke: string | null;
  readonly contents: readonly (readonly [string, ContentText, string | null])[];
  readonly measures: readonly (readonly [string, ContentMeasure])[];
  readonly keys: readonly (readonly [string, string | null])[];
  readonly had: readonly (readonly [string, readonly NamedByParent[]])[];
  readonly signed: readonly (readonly [string, Signature | null])[];
  readonly handles: { readonly orphans: readonly string[]; readonly unread: readonly [string, string[]][] } | null;
}

function foundFrom(data: DirectoryText | Found): Found {
  if (data === null || 'errno' in data) return data;
  const { stat, after, attributes, names, listed, broke, contents, measures, keys, ...more } = data as DirectoryText;
  const { had, signed, handles } = more;
  const found = new Map<string, FoundName>();
  for (const one of names) {
    if (one.length === 2) found.set(one[0], one[1]);
    else found.set(one[0], { stat: statFrom(one[1]), attributes: attributesFrom(one[2]), target: one[3] });
  }
  return {
    stat: statFrom(stat),
    after: after === null ? null : statFrom(after),
    attributes: attributesFrom(attributes),
    names: found,
    listed: listed ?? [...found.keys()],
    broke,
    contents: new Map(contents.map(([name, content, mdata]) => [name, contentFrom(content, mdata)])),
    measures: new Map(measures),
    keys: new Map(keys.map(([key, value]) => [key, value === null ? null : Buffer.from(value, 'hex')])),
    had: new Map(had),
    signed: new Map(signed),
    handles: handles === null ? null : { orphans: handles.orphans, unread: new Map(handles.unread) },
  };
}

export function answerText({ found, record }: Answer): string {
  const known = record === null ? null : { ...record, options: [...record.options] };
  return JSON.stringify({ found: found.map(foundText), record: known });
}

function answerFrom(text: string): Answer {
  const data = JSON.parse(text) as {
    readonly found: readonly (DirectoryText | Found)[];
    readonly record: (Omit<KnownVolume, 'options'> & { readonly options: [string, string][] }) | null;
  };
  const { record } = data;
  return {
    found: data.found.map(foundFrom),
    record: record === null ? null : { ...record, options: new Map(record.options) },
  };
}

export function questionFrom(text: string): Question {
  return JSON.parse(text) as Question;
}
