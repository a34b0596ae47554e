// The extended attributes of what lies on a brick, read as GlusterFS packs them. By the descriptor of the directory:
// nothing is opened, and no symlink is followed.
import { decodeName, encodeName, joinPath } from '../../domain/path.ts';
import type { LayoutRange, Pending } from '../../domain/gluster/brick.ts';
import type { Directory } from './directory.ts';
import { DirectoryElsewhere } from './directory-elsewhere.ts';
import { systemError } from './errors.ts';
import * as sys from './sys.ts';

export interface BrickAttributes {
  /** 32 hex digits. */
  readonly gfid: string | null;
  /** Printable, without its NUL. */
  readonly linkto: string | null;
  readonly mdataMtimeNs: bigint | null;
  readonly layout: LayoutRange | null;
  readonly pending: readonly Pending[];
  readonly isCondemned: boolean;
  /** What lies here is not the content of the file. */
  readonly pieceOf: PieceOf | null;
  /** It bears marks of replication, whatever they count. */
  readonly isReplicated: boolean;
}

/** Kinds of volumes whose bricks hold fragments or pieces of files. */
export type PieceOf = 'dispersed' | 'sharded' | 'striped';

function pieceOf(key: string): PieceOf | null {
  if (key.startsWith('trusted.ec.')) return 'dispersed';
  if (key.startsWith('trusted.glusterfs.shard.')) return 'sharded';
  // Named after the translator, as in trusted.gv-stripe-0.stripe-size.
  return /\.stripe-(?:size|count|index)$/.test(key) ? 'striped' : null;
}

const NONE: BrickAttributes = {
  gfid: null,
  linkto: null,
  mdataMtimeNs: null,
  layout: null,
  pending: [],
  isCondemned: false,
  pieceOf: null,
  isReplicated: false,
};

/** What every name is looked for under. '' but in tests. */
let prefix = '';

/**
 * For tests without root alone, whose bricks bear user.trusted.*: nobody but CAP_SYS_ADMIN sets, or sees, trusted.*. No
 * option and no variable leads here: whoever could make a brick be read so would be believed an empty answer.
 */
export function readAttributesUnder(testPrefix: string): void {
  prefix = testPrefix;
}

/** An attribute of GlusterFS, as it is called here. */
export function attributeName(key: string): string {
  return prefix + key;
}

const ENODATA = -61;
const EOPNOTSUPP = -95;
const ERANGE = -34;
/** The longest value and the longest list of names that Linux keeps. */
const VALUE_BYTES = 64 * 1024;
const PATH_BYTES = 4_096;
const NAME_BYTES = 256;
const path = sys.memory(PATH_BYTES);
const attribute = sys.memory(NAME_BYTES);
const value = sys.memory(VALUE_BYTES);

/** Puts the path of a name below an open directory where the next call expects it; '.' is the directory itself. */
function putPath(directory: Directory, name: string): void {
  const { bytes } = path;
  let at = bytes.write(`/proc/self/fd/${directory.fd}/`, 0, 'latin1');
  const decoded = decodeName(name === '.' ? 'x' : name);
  if (name === '.') at += bytes.write('.', at, 'latin1');
  else {
    bytes.set(decoded, at);
    at += decoded.length;
  }
  bytes[at] = 0;
}

/** One attribute of what was put; null where it has none. @throws FileError */
function valueOf(directory: Directory, name: string, key: string): Buffer | null {
  attribute.bytes[attribute.bytes.write(prefix + key, 0, 'latin1')] = 0;
  const got = sys.getAttributeAt(path.address, attribute.address, value.address, VALUE_BYTES);
  if (got === ENODATA || got === EOPNOTSUPP) return null;
  if (got < 0) throw systemError(got, `getxattr ${key}`, joinPath(directory.path, name));
  return Buffer.from(value.bytes.subarray(0, got));
}

/** One attribute of a directory itself; null where it has none, or this process may not know. @throws FileError */
export function attributeOf(directory: Directory, key: string): Buffer | null {
  if (directory instanceof DirectoryElsewhere) return directory.attribute(key);
  putPath(directory, '.');
  return valueOf(directory, '.', key);
}

/** The same of a name in it. @throws FileError */
export function attributeAt(directory: Directory, name: string, key: string): Buffer | null {
  putPath(directory, name);
  return valueOf(directory, name, key);
}

/** At the root of a brick; only CAP_SYS_ADMIN sees it. */
export const VOLUME_ID = 'trusted.glusterfs.volume-id';

/** The volume that a brick's root is of, in 32 hex digits; null where it bears no id. @throws FileError */
export function volumeIdOf(root: Directory): string | null {
  const id = attributeOf(root, VOLUME_ID);
  return id?.length === 16 ? id.toString('hex') : null;
}

/**
 * What GlusterFS keeps beside a name of a directory; '.' is the directory itself.
 * @throws FileError, ENOENT where the name is not there
 */
export function attributesAt(directory: Directory, of: string): BrickAttributes {
  if (directory instanceof DirectoryElsewhere) return directory.attributes(of);
  putPath(directory, of);
  const got = sys.listAttributesAt(path.address, value.address, VALUE_BYTES);
  if (got === EOPNOTSUPP || got === 0) return NONE;
  if (got < 0 && got !== ERANGE) throw systemError(got, 'listxattr', joinPath(directory.path, of));
  const names = value.bytes.toString('latin1', 0, Math.max(0, got)).split('\0');
  const read: { -readonly [K in keyof BrickAttributes]: BrickAttributes[K] } = { ...NONE };
  const pending: Pending[] = [];
  for (const name of names) {
    if (!name.startsWith(`${prefix}trusted.`)) continue;
    const key = name.slice(prefix.length);
    read.pieceOf ??= pieceOf(key);
    read.isReplicated ||= key.startsWith('trusted.afr.');
    if (key === 'trusted.bit-rot.bad-file') read.isCondemned = true;
    else if (isRead(key)) {
      const bytes = valueOf(directory, of, key);
      if (bytes !== null) take(read, pending, key, bytes);
    }
  }
  return { ...read, pending };
}

const AFR = /^trusted\.afr\.(?:dirty$|.*-client-([0-9]+)$)/;

function isRead(key: string): boolean {
  return (
    key === 'trusted.gfid' ||
    key === 'trusted.glusterfs.dht.linkto' ||
    key === 'trusted.glusterfs.mdata' ||
    key === 'trusted.glusterfs.dht' ||
    key.startsWith('trusted.afr.')
  );
}

function take(
  read: { -readonly [K in keyof BrickAttributes]: BrickAttributes[K] },
  pending: Pending[],
  key: string,
  bytes: Buffer,
): void {
  if (key === 'trusted.gfid') read.gfid = bytes.length === 16 ? bytes.toString('hex') : null;
  else if (key === 'trusted.glusterfs.dht.linkto') read.linkto = linktoOf(bytes);
  else if (key === 'trusted.glusterfs.mdata') read.mdataMtimeNs = mdataMtimeOf(bytes);
  else if (key === 'trusted.glusterfs.dht') read.layout = layoutOf(bytes);
  else {
    const mark = AFR.exec(key);
    if (mark === null || bytes.length < 12) return;
    const [data, metadata, entry] = [bytes.readUInt32BE(0), bytes.readUInt32BE(4), bytes.readUInt32BE(8)];
    if (data + metadata + entry === 0) return;
    pending.push({ client: mark[1] === undefined ? null : Number(mark[1]), data, metadata, entry });
  }
}

/** A name by the directory that it is in. */
export interface NamedByParent {
  /** 32 hex digits. */
  readonly parentGfid: string;
  /** Printable. */
  readonly name: string;
}

/** `trusted.gfid2path.*`: `<gfid of the directory>/<name>`, one for each hard link. @throws FileError */
export function namesHadAt(directory: Directory, name: string): readonly NamedByParent[] {
  if (directory instanceof DirectoryElsewhere) return directory.namesHad(name);
  putPath(directory, name);
  const got = sys.listAttributesAt(path.address, value.address, VALUE_BYTES);
  if (got <= 0) return [];
  const keys = value.bytes.toString('latin1', 0, got).split('\0');
  return keys
    .filter((key) => key.startsWith(`${prefix}trusted.gfid2path.`))
    .flatMap((key) => namedBy(valueOf(directory, name, key.slice(prefix.length)) ?? Buffer.alloc(0)));
}

const GFID_BYTES = 36;

function namedBy(bytes: Buffer): NamedByParent[] {
  const gfid = bytes.toString('latin1', 0, GFID_BYTES);
  const name = bytes.subarray(GFID_BYTES + 1);
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(gfid) || bytes[GFID_BYTES] !== 0x2f) return [];
  const isName =
    name.length > 0 && !name.includes(0) && !name.includes(0x2f) && !/^\.\.?$/.test(name.toString('latin1'));
  return isName ? [{ parentGfid: gfid.replaceAll('-', ''), name: encodeName(name) }] : [];
}

function linktoOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return encodeName(end < 0 ? bytes : bytes.subarray(0, end));
}

/** u8 version, u64 flags, then ctime, mtime and atime, each u64 seconds and u64 nanoseconds, big-endian. */
export function mdataMtimeOf(bytes: Buffer): bigint | null {
  if (bytes.length < 41) return null;
  const [seconds, ns] = [bytes.readBigInt64BE(25), bytes.readBigUInt64BE(33)];
  return ns < 1_000_000_000n ? seconds * 1_000_000_000n + ns : null;
}

/** Four u32, big-endian: commit hash, type, start, stop. */
function layoutOf(bytes: Buffer): LayoutRange | null {
  if (bytes.length < 16) return null;
  return {
    commitHash: bytes.readUInt32BE(0),
    type: bytes.readUInt32BE(4),
    start: bytes.readUInt32BE(8),
    stop: bytes.readUInt32BE(12),
  };
}

/** mtime of `trusted.glusterfs.mdata` of an open file; null where it has none. */
export function mdataMtimeOpen(fd: number): bigint | null {
  attribute.bytes[attribute.bytes.write(`${prefix}trusted.glusterfs.mdata`, 0, 'latin1')] = 0;
  const got = sys.getAttribute(fd, attribute.address, value.address, VALUE_BYTES);
  return got < 0 ? null : mdataMtimeOf(value.bytes.subarray(0, got));
}
