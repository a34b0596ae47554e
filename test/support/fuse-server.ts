// A real FUSE file system whose answers a test decides: errors of the medium, requests that are never answered,
// listings that leave names out or have no end, inodes that are others each time. It prints the names that are looked
// up, the directories that are opened to be listed, and what it leaves without an answer. Usage: fuse-server.ts
// MOUNTPOINT STATE ro|rw. STATE is a JSON file (FuseState), replaced by a rename. Runs until it is unmounted or killed.
import { spawnSync } from 'node:child_process';
import { constants, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

export type FuseRequest = 'lookup' | 'getattr' | 'opendir' | 'readdir' | 'open' | 'read';

export interface FuseEntry {
  /** Null for a directory. */
  readonly content: string | null;
  /** A listing leaves it out; a lookup finds it. */
  readonly hidden?: boolean;
  /** Negated errno by request. */
  readonly fails?: Partial<Record<FuseRequest, number>>;
  /** Requests that are never answered: who asked cannot be killed until the server is. */
  readonly hangs?: readonly FuseRequest[];
  /** A listing has it so often. */
  readonly listed?: number;
  /** What a listing calls it, as d_type: 4 directory, 8 file, 0 not told. */
  readonly listedAs?: number;
  /**
   * Of a directory: its listing never ends, with the same names again and again or with names that nobody has seen
   * before.
   */
  readonly endless?: 'same' | 'new';
  /** Of a directory: the listing breaks off behind so many names, with this errno (negated). */
  readonly breaksOff?: { readonly after: number; readonly errno: number };
  /** Decimal, unsigned, 64 bits; 'moving' is another one in each answer. Else the node's number. */
  readonly inode?: string;
  /** What the file system says of it, decimal, instead of the length of its content. */
  readonly size?: string;
  /** Names that it says it has. */
  readonly links?: number;
  /** Negated errno for an open that asks for its atime to stand still. */
  readonly noAtime?: number;
  /** The content ends after so many bytes, whatever its size says. */
  readonly gives?: number;
}

/** By path below the mount; '' is the root. */
export type FuseState = Readonly<Record<string, FuseEntry>>;

const OPCODES = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  open: 14,
  read: 15,
  statfs: 17,
  release: 18,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  batchForget: 42,
} as const;
const REQUESTS: Readonly<Record<number, FuseRequest>> = {
  [OPCODES.lookup]: 'lookup',
  [OPCODES.getattr]: 'getattr',
  [OPCODES.open]: 'open',
  [OPCODES.read]: 'read',
  [OPCODES.opendir]: 'opendir',
  [OPCODES.readdir]: 'readdir',
};
const ENOENT = -2;
const ENOSYS = -38;
const HEADER = 40;
const DIRECT_IO = 1;

function serve(mountPoint: string, statePath: string, access: string, kind: string): void {
  const fd = openSync('/dev/fuse', 'r+');
  const options = `fd=3,rootmode=40000,user_id=0,group_id=0,allow_other,${access}`;
  const [subtype = '', source = 'rollcall-test'] = kind.split(' ');
  const mounted = spawnSync('mount', ['-i', '-t', `fuse.${subtype}`, '-o', options, source, mountPoint], {
    stdio: ['ignore', 'inherit', 'inherit', fd],
  });
  if (mounted.status !== 0) process.exit(1);
  process.stdout.write('ready\n');

  const stateAt = stateReader(statePath);
  const inodeOf = inodes();
  const paths: string[] = ['', ''];
  const nodeOf = (path: string): number => {
    const at = paths.indexOf(path, 1);
    return at > 0 ? at : paths.push(path) - 1;
  };
  const request = Buffer.alloc(1024 * 1024 + 4096);
  for (;;) {
    let length: number;
    try {
      length = readSync(fd, request);
    } catch {
      // ENODEV: it was unmounted.
      process.exit(0);
    }
    const state = stateAt();
    const opcode = request.readUInt32LE(4);
    const unique = request.readBigUInt64LE(8);
    const node = Number(request.readBigUInt64LE(16));
    const path = paths[node] ?? '';
    const entry = state[path];
    const reply = (error: number, body: Buffer = Buffer.alloc(0)): void => {
      const head = Buffer.alloc(16);
      head.writeUInt32LE(16 + body.length, 0);
      head.writeInt32LE(error, 4);
      head.writeBigUInt64LE(unique, 8);
      writeSync(fd, Buffer.concat([head, body]));
    };
    const attributes = (at: number, of: FuseEntry): Buffer => {
      const body = Buffer.alloc(88);
      const size = BigInt(of.size ?? Buffer.byteLength(of.content ?? ''));
      body.writeBigUInt64LE(inodeOf(of, at), 0);
      body.writeBigUInt64LE(size, 8);
      for (const time of [24, 32, 40]) body.writeBigUInt64LE(1_700_000_000n, time);
      body.writeUInt32LE(of.content === null ? 0o40755 : 0o100644, 60);
      body.writeUInt32LE(of.links ?? (of.content === null ? 2 : 1), 64);
      return body;
    };
    const asked = REQUESTS[opcode];
    const name = opcode === OPCODES.lookup ? request.toString('utf8', HEADER, length - 1) : '';
    const place = name === '' ? path : path === '' ? name : `${path}/${name}`;
    if (opcode === OPCODES.lookup) process.stdout.write(`lookup ${place}\n`);
    if (opcode === OPCODES.opendir) process.stdout.write(`opendir ${place}\n`);
    if (asked !== undefined) {
      const { fails, hangs } = state[place] ?? {};
      if (hangs?.includes(asked)) {
        process.stdout.write(`hangs ${asked} ${place}\n`);
        continue;
      }
      if (fails?.[asked] !== undefined) {
        reply(fails[asked]);
        continue;
      }
    }
    switch (opcode) {
      case OPCODES.init: {
        const body = Buffer.alloc(64);
        body.writeUInt32LE(7, 0);
        body.writeUInt32LE(31, 4);
        body.writeUInt32LE(128 * 1024, 20);
        reply(0, body);
        break;
      }
      case OPCODES.lookup: {
        const found = state[place];
        if (found === undefined) reply(ENOENT);
        else {
          const body = Buffer.alloc(40 + 88);
          const at = nodeOf(place);
          body.writeBigUInt64LE(BigInt(at), 0);
          attributes(at, found).copy(body, 40);
          reply(0, body);
        }
        break;
      }
      case OPCODES.getattr: {
        if (entry === undefined) reply(ENOENT);
        else reply(0, Buffer.concat([Buffer.alloc(16), attributes(node, entry)]));
        break;
      }
      case OPCODES.open:
      case OPCODES.opendir: {
        if (entry?.noAtime !== undefined && (request.readUInt32LE(HEADER) & constants.O_NOATIME) !== 0) {
          reply(entry.noAtime);
          break;
        }
        const body = Buffer.alloc(16);
        // Past the page cache, which would fill up with zeros what a short answer leaves out.
        if (entry?.gives !== undefined) body.writeUInt32LE(DIRECT_IO, 8);
        reply(0, body);
        break;
      }
      case OPCODES.readdir: {
        const from = Number(request.readBigUInt64LE(HEADER + 8));
        const size = request.readUInt32LE(HEADER + 16);
        const { breaksOff } = entry ?? {};
        if (breaksOff !== undefined && from >= breaksOff.after) reply(breaksOff.errno);
        else reply(0, listing(state, path, nodeOf, from, size));
        break;
      }
      case OPCODES.read: {
        const from = Number(request.readBigUInt64LE(HEADER + 8));
        const size = request.readUInt32LE(HEADER + 16);
        const content = Buffer.from(entry?.content ?? '');
        reply(0, content.subarray(0, entry?.gives ?? content.length).subarray(from, from + size));
        break;
      }
      case OPCODES.statfs:
        reply(0, Buffer.alloc(80));
        break;
      case OPCODES.release:
      case OPCODES.releasedir:
      case OPCODES.flush:
        reply(0);
        break;
      case OPCODES.forget:
      case OPCODES.batchForget:
        break;
      default:
        reply(ENOSYS);
    }
  }
}

/** Read anew only where it was replaced. */
function stateReader(path: string): () => FuseState {
  let inode = -1n;
  let state: FuseState = {};
  return () => {
    const now = statSync(path, { bigint: true }).ino;
    if (now !== inode) {
      state = JSON.parse(readFileSync(path, 'utf8')) as FuseState;
      inode = now;
    }
    return state;
  };
}

function inodes(): (entry: FuseEntry, node: number) => bigint {
  let moving = 1_000_000n;
  return ({ inode }, node) => {
    if (inode === 'moving') return (moving += 1n);
    return inode === undefined ? BigInt(node) : BigInt(inode);
  };
}

/** As much of a directory, from that offset on, as `size` bytes hold. */
function listing(state: FuseState, path: string, nodeOf: (path: string) => number, from: number, size: number): Buffer {
  const prefix = path === '' ? '' : `${path}/`;
  const names = Object.entries(state).flatMap(([child, entry]): [string, FuseEntry][] => {
    const name = child.slice(prefix.length);
    if (child === '' || !child.startsWith(prefix) || name.includes('/') || entry.hidden === true) return [];
    return Array.from({ length: entry.listed ?? 1 }, () => [name, entry]);
  });
  const endless = state[path]?.endless;
  const pieces: Buffer[] = [];
  let bytes = 0;
  const count = endless === undefined ? names.length : Number.POSITIVE_INFINITY;
  for (let at = from; at < count; at++) {
    const [name, entry] =
      names[endless === 'same' ? at % names.length : at] ??
      ([`made-up-${at}`, { content: '' }] satisfies [string, FuseEntry]);
    const raw = Buffer.from(name);
    const piece = Buffer.alloc(24 + Math.ceil(raw.length / 8) * 8);
    bytes += piece.length;
    if (bytes > size) break;
    piece.writeBigUInt64LE(BigInt(state[prefix + name] === undefined ? 1 : nodeOf(prefix + name)), 0);
    piece.writeBigUInt64LE(BigInt(at + 1), 8);
    piece.writeUInt32LE(raw.length, 16);
    piece.writeUInt32LE(entry.listedAs ?? (entry.content === null ? 4 : 8), 20);
    raw.copy(piece, 24);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , mountPoint = '', statePath = '', access = 'ro', kind = ''] = process.argv;
  serve(mountPoint, statePath, access, kind);
}
