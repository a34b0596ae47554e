// Re-reads what a bundle has restored and holds it against the bundle's manifest: the proof that every file came back
// bit for bit.
import { errnoText } from '../../domain/errno.ts';
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { State, Tally } from '../../domain/assessment.ts';
import { EXIT, type ExitCode, RollcallError, worstExit } from '../../domain/exit.ts';
import { same, sameMtime } from '../../domain/version.ts';
import { isMountOfBricks, type SeenThrough } from '../files/bricks-mount.ts';
import { FileError } from '../files/errors.ts';
import type { Stat } from '../files/stat.ts';
import { createHasher } from '../files/hash.ts';
import { realPathOf } from '../files/location.ts';
import { type Accepted, refuseBrick, refuseGluster } from '../files/looking.ts';
import { Copies, type Look } from './content.ts';
import { checkSums, fileOf, opened, placeOf, readSummary, refuseForeign } from './bundle-files.ts';
import { rootFacts } from './target.ts';
import { rescuedBy, rescuedItem } from './verify-rescued.ts';
import { type ManifestEntry, parseManifestLine } from './manifest.ts';

/**
 * restored: content as in the manifest · beside: so, under the name beside · waiting: untouched, because its list was
 * not asked for (--damaged …) · missing: still absent · differs: something else lies there · blocked: a symlink or a
 * file stands for one of its directories · unreadable.
 */
export const VERIFY_STATUSES = [
  'restored',
  'beside',
  'waiting',
  'missing',
  'differs',
  'blocked',
  'unreadable',
] as const;
export type VerifyStatus = (typeof VERIFY_STATUSES)[number];

/**
 * Right in content and yet not as it was; 'link': a copy instead of a hard link, or a hard link to what was another
 * file.
 */
export type MetadataField = 'owner' | 'mode' | 'mtime' | 'link';

export interface VerifyItem {
  readonly volume: string;
  /** The finding's path; destination is where it lies at the target. Printable. */
  readonly path: string;
  readonly destination: string;
  readonly kind: State['kind'];
  /** Of the finding. */
  readonly verdict: string;
  readonly list: string;
  readonly needs: readonly string[];
  readonly status: VerifyStatus;
  /** Its copy lies on another host. */
  readonly isRemote: boolean;
  readonly metadata: readonly MetadataField[];
  /** What is wrong, in words; null when nothing is. */
  readonly detail: string | null;
  /** Identity of the finding that this entry came from. */
  readonly expectedKey: string;
  readonly observedKey: string;
}

export interface VerifyResult {
  /** Printable, real paths. */
  readonly bundle: string;
  readonly target: string;
  readonly volume: string;
  /** The target is the volume itself, or a mount of it, so that what is restored closes its findings. */
  readonly isLive: boolean;
  /** Every entry of the manifest, in its order; then what was rescued from bricks. */
  readonly items: readonly VerifyItem[];
  readonly counts: Readonly<Record<VerifyStatus, Tally>>;
  /** Entries with the right content and other metadata. */
  readonly metadataDiffers: number;
  /** Of the waiting ones, those that a person probably deleted: left out on purpose, and no finding. */
  readonly leftToPersons: number;
  readonly bytesRead: number;
  /** 0 everything is back · 1 something is missing, differs, is blocked or waits · 3 something could not be read. */
  readonly exit: ExitCode;
}

export interface VerifyInput extends Accepted {
  /** Absolute, printable. */
  readonly bundleDir: string;
  /** Absolute, printable; null: the volume that was assessed. */
  readonly target: string | null;
  readonly now: () => number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, bytesRead: number) => void;
}

const TURN_BYTES = 64 * 1024 * 1024;
/** Of what is back, so many tell whether a mount shows the volume that was read from its bricks. */
const BACK_MAX = 100;

/**
 * Throws RollcallError: no bundle, or one of another format (2); others can write it, a file of it is not as it was
 * written, the target is on a GlusterFS mount or a brick, or is not the volume that was judged though it has its path
 * (4); interrupted (130).
 */
export async function verifyBundle(input: VerifyInput): Promise<VerifyResult> {
  const bundle = placeOf(input.bundleDir);
  refuseForeign(bundle, ['', '/SHA256SUMS', '/summary.json', '/manifest.jsonl']);
  const summary = readSummary(bundle);
  checkSums(bundle);
  const wanted = input.target ?? summary.livePath;
  const hasher = await createHasher();
  const [target, copies] = opened(wanted, 'target', () => {
    refuseGluster(wanted, input, true);
    const real = realPathOf(wanted);
    refuseGluster(real, input, true);
    refuseBrick([real]);
    return [real, new Copies(real, hasher, input.now)];
  });
  const { items, counts, bytesRead, back } = await readItems(bundle, summary.volume, copies, input);
  const isLive = isSamePlace(target, summary.livePath) || isMountOfBricks(target, summary.livePath, back);
  if (isLive && items.length > 0 && counts.restored.files + counts.beside.files === 0) refuseOther(bundle, target);
  const leftToPersons = items.filter(isLeftToPerson).length;
  return {
    bundle,
    target,
    volume: summary.volume,
    isLive,
    items,
    counts,
    metadataDiffers: items.filter(({ metadata }) => metadata.length > 0).length,
    leftToPersons,
    bytesRead,
    exit: worstExit(items.flatMap((item) => exitOf(item))),
  };
}

/** What was compared so far. */
class Compared {
  readonly items: VerifyItem[] = [];
  readonly counts = noCounts();
  readonly back: SeenThrough[] = [];
  bytesRead = 0;
  readonly #copies: Copies;
  readonly #input: VerifyInput;
  #sinceTurn = 0;

  constructor(copies: Copies, input: VerifyInput) {
    this.#copies = copies;
    this.#input = input;
  }

  async add(path: string, size: number, itemOf: (look: Look) => VerifyItem): Promise<void> {
    if (this.#input.signal?.aborted === true)
      throw new RollcallError('interrupted; nothing was changed', { exit: EXIT.interrupted });
    const look = this.#copies.read(path, (bytes) => {
      this.bytesRead += bytes;
      this.#sinceTurn += bytes;
    });
    const item = itemOf(look);
    this.items.push(item);
    const { files, bytes } = this.counts[item.status];
    this.counts[item.status] = { files: files + 1, bytes: bytes + size };
    if (item.status === 'restored' && look.is === 'there' && this.back.length < BACK_MAX)
      this.back.push({ path, inode: look.stat.inode });
    this.#input.onProgress?.(this.items.length, this.bytesRead);
    if (this.#sinceTurn < TURN_BYTES && this.items.length % 256 !== 0) return;
    this.#sinceTurn = 0;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Reads every entry of the manifest, and what was rescued, at the target, and closes what it read from. */
async function readItems(bundle: string, volume: string, copies: Copies, input: VerifyInput): Promise<Compared> {
  const compared = new Compared(copies, input);
  const inodes = new Map<bigint, bigint>();
  const manifest = createReadStream(fileOf(bundle, 'manifest.jsonl'));
  try {
    for await (const line of createInterface({ input: manifest, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line === '') continue;
      const entry = parseManifestLine(line);
      await compared.add(entry.destination, entry.state.size ?? 0, (look) => itemOf(entry, look, copies, inodes));
    }
    for (const rescued of rescuedBy(bundle))
      await compared.add(rescued.path, rescued.size, (look) => rescuedItem(rescued, look, volume));
  } finally {
    manifest.destroy();
    copies.close();
  }
  return compared;
}

function noCounts(): Record<VerifyStatus, Tally> {
  const none: Tally = { files: 0, bytes: 0 };
  return {
    restored: none,
    beside: none,
    waiting: none,
    missing: none,
    differs: none,
    blocked: none,
    unreadable: none,
  };
}

/**
 * The empty directory below a mount point says nothing of the volume that belongs there. restore.sh refuses it by the
 * same facts; but a volume that was made anew on purpose (--new-volume) holds what was restored to it, so only where
 * nothing is back is it told from the mount that is away.
 */
function refuseOther(bundle: string, target: string): void {
  const [, fsType, inode] = readFileSync(fileOf(bundle, 'lists/target0'), 'latin1').split('\0');
  const now = rootFacts(target);
  if (fsType === '-' || now === null || (now.fsType === fsType && now.rootInode === inode)) return;
  throw new RollcallError(
    `another file system or directory than the one that was judged is at ${target}, and nothing of what was to be restored is there`,
    {
      exit: EXIT.guard,
      next: 'Is the volume mounted (findmnt)? Mount it and run this again; if it was made anew on purpose, restore to it first with restore.sh --new-volume.',
    },
  );
}

/** Waits for --person-deleted: left out on purpose, and no finding. */
export function isLeftToPerson(item: VerifyItem): boolean {
  return item.status === 'waiting' && item.needs.includes('person-deleted');
}

function exitOf(item: VerifyItem): ExitCode[] {
  if (item.status === 'restored' || item.status === 'beside' || isLeftToPerson(item)) return [];
  return [item.status === 'unreadable' ? EXIT.incomplete : EXIT.findings];
}

function isSamePlace(target: string, livePath: string): boolean {
  try {
    return realPathOf(livePath) === target;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return false;
  }
}

function itemOf(entry: ManifestEntry, look: Look, copies: Copies, inodes: Map<bigint, bigint>): VerifyItem {
  const { volume, path, destination, verdict, state, list, needs, isRemote, expectedKey, observedKey } = entry;
  const item = (status: VerifyStatus, detail: string | null, metadata: readonly MetadataField[] = []): VerifyItem => ({
    volume,
    path,
    destination,
    kind: state.kind,
    verdict,
    list,
    needs,
    status,
    isRemote,
    metadata,
    detail,
    expectedKey,
    observedKey,
  });
  const options = needs.map((need) => `--${need}`).join(' ');
  switch (look.is) {
    case 'blocked':
      return item('blocked', 'a symlink or a file is where one of its directories should be');
    case 'unreadable':
      return item('unreadable', `it cannot be read (${errnoText(look.errno)})`);
    case 'absent':
      // What was damaged and is absent now was not left waiting: somebody took it away.
      return needs.length > 0 && entry.action !== 'replace'
        ? item('waiting', `not restored without ${options}`)
        : item('missing', 'it is still absent');
    case 'there':
      break;
  }
  if (same(look.state, state)) {
    const metadata = metadataOf(entry, look.state, look.stat.inode, copies);
    if (isMadeOne(entry, look.stat, inodes)) metadata.push('link');
    const detail = metadata.length === 0 ? null : `content is right; differs in ${metadata.join(', ')}`;
    return item(list.includes('beside') ? 'beside' : 'restored', detail, metadata);
  }
  if (entry.obstacle !== null && same(look.state, entry.obstacle)) {
    return item('waiting', `still the damaged content; not replaced without ${options}`);
  }
  return item('differs', differenceOf(look.state, state));
}

function metadataOf(entry: ManifestEntry, now: State, inode: bigint, copies: Copies): MetadataField[] {
  const { state, linkTo } = entry;
  const fields: MetadataField[] = [];
  if (linkTo !== null) {
    const survivor = copies.look(linkTo);
    // A link has the owner, mode and time of the name that it is linked to.
    if (survivor.is === 'there' && survivor.stat.inode === inode) return [];
    fields.push('link');
  }
  if (now.uid !== state.uid || now.gid !== state.gid) fields.push('owner');
  if (now.mode !== state.mode && state.kind !== 'symlink') fields.push('mode');
  const timesKnown = now.mtimeNs !== null && state.mtimeNs !== null;
  if (!timesKnown || !sameMtime(now.mtimeNs, state.mtimeNs)) fields.push('mtime');
  return fields;
}

/**
 * Two files that the volume had apart are one now: writing to one name changes the other. `inodes` are those in the
 * volume by those found here.
 */
function isMadeOne({ liveInode, linkTo }: ManifestEntry, stat: Stat, inodes: Map<bigint, bigint>): boolean {
  if (liveInode === null || stat.kind !== 'file' || stat.nlink < 2 || linkTo !== null) return false;
  if (liveInode.nlink < 2) return true;
  const other = inodes.get(stat.inode);
  if (other === undefined) inodes.set(stat.inode, liveInode.inode);
  return other !== undefined && other !== liveInode.inode;
}

function differenceOf(now: State, wanted: State): string {
  if (now.kind !== wanted.kind) return `there is a ${now.kind} instead of a ${wanted.kind}`;
  if (now.kind !== 'file') return now.kind === 'symlink' ? `it points to ${now.target ?? ''}` : 'it is another device';
  if (now.size !== wanted.size) return `${now.size ?? 0} bytes instead of ${wanted.size ?? 0}`;
  return `digest ${now.digest ?? 'unread'} instead of ${wanted.digest ?? 'unread'}`;
}
