// What bricks say, read with Node's own calls and getfattr alone, so that the engine's reading can be held against it.
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { BrickEntry, DirectorySight, LayoutRange, NameSight, Pending } from '../../domain/gluster/brick.ts';
import { encodeName, encodePath } from '../../domain/path.ts';
import type { Kind } from '../../domain/version.ts';
import { createHasher } from '../../services/files/hash.ts';
import { bytes } from '../support/tree.ts';

const hasher = await createHasher();

type Attributes = ReadonlyMap<string, Buffer>;
const NONE: Attributes = new Map();

/** Of everything on a brick, by the path's bytes as latin1. */
export function attributesOn(root: string): ReadonlyMap<string, Attributes> {
  const all = new Map<string, Attributes>();
  const options = ['-R', '-h', '-P', '-d', '-m', '-', '-e', 'hex', '--absolute-names'];
  const dump = execFileSync('getfattr', [...options, root], { encoding: 'latin1', maxBuffer: 1e9 });
  for (const block of dump.split('\n\n')) {
    const [head = '', ...lines] = block.split('\n');
    if (!head.startsWith('# file: ')) continue;
    const path = head
      .slice(8)
      .replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    const values = lines.map((line): [string, Buffer] => {
      const [name = '', hex = ''] = line.split('=0x');
      return [name.replace(/^(?:user\.)?trusted\./, ''), Buffer.from(hex, 'hex')];
    });
    all.set(path, new Map(values));
  }
  return all;
}

/** What a brick says of one of its directories. */
export function sightOn(root: string, below: Buffer, attributes: ReadonlyMap<string, Attributes>): DirectorySight {
  const path = below.length === 0 ? Buffer.from(root) : bytes(root, '/', below);
  const kept = (of: Buffer): Attributes => attributes.get(of.toString('latin1')) ?? NONE;
  const own = kept(path);
  let names: Buffer[];
  try {
    names = readdirSync(path, { encoding: 'buffer' });
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return { state: 'absent' };
  }
  return {
    state: 'listed',
    gap: null,
    gfid: own.get('gfid')?.toString('hex') ?? null,
    layout: layoutOf(own),
    mdataMtimeNs: mdataMtimeOf(own),
    mtimeNs: lstatSync(path, { bigint: true }).mtimeNs,
    pending: pendingOf(own),
    names: new Map(
      names.map((name): [string, NameSight] => {
        const its = bytes(path, '/', name);
        return [encodeName(name), { state: 'seen', entry: entryOf(its, kept(its)) }];
      }),
    ),
  };
}

function entryOf(path: Buffer, kept: Attributes): BrickEntry {
  const stat = lstatSync(path, { bigint: true });
  const kind: Kind = stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'file';
  const content = kind === 'file' ? readFileSync(path) : null;
  return {
    kind,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: content?.length ?? null,
    mtimeNs: stat.mtimeNs,
    nlink: Number(stat.nlink),
    target: kind === 'symlink' ? encodePath(readlinkSync(path, { encoding: 'buffer' })) : null,
    rdev: null,
    gfid: kept.get('gfid')?.toString('hex') ?? null,
    linkto: kept.get('glusterfs.dht.linkto')?.toString('latin1').replace('\0', '') ?? null,
    mdataMtimeNs: mdataMtimeOf(kept),
    digest: content === null ? null : hasher.one(content),
    zeroFrom: content === null ? null : zeroFrom(content),
    pending: pendingOf(kept),
  };
}

function zeroFrom(content: Buffer): number {
  let from = content.length;
  while (from > 0 && content[from - 1] === 0) from -= 1;
  return from;
}

function layoutOf(kept: Attributes): LayoutRange | null {
  const raw = kept.get('glusterfs.dht');
  if (raw?.length !== 16) return null;
  const word = (nth: number): number => raw.readUInt32BE(4 * nth);
  return { commitHash: word(0), type: word(1), start: word(2), stop: word(3) };
}

function mdataMtimeOf(kept: Attributes): bigint | null {
  const raw = kept.get('glusterfs.mdata');
  return raw?.length === 57 ? raw.readBigUInt64BE(25) * 1_000_000_000n + raw.readBigUInt64BE(33) : null;
}

function pendingOf(kept: Attributes): Pending[] {
  return [...kept].flatMap(([name, raw]) => {
    const [, client] = /^afr\..*-client-(\d+)$/.exec(name) ?? [];
    if (client === undefined) return [];
    const count = (nth: number): number => raw.readUInt32BE(4 * nth);
    return [{ client: Number(client), data: count(0), metadata: count(1), entry: count(2) }];
  });
}
