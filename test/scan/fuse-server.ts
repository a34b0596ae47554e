// A real FUSE file system whose answers a test decides: names that a listing leaves out, errors of the medium. It prints the names that are looked up.
// Usage: fuse-server.ts MOUNTPOINT STATE ro|rw. STATE is a JSON file (FuseState), read anew at each request. Runs until it is unmounted or killed.
import { spawnSync } from 'node:child_process';
import { openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

export interface FuseEntry {
  /** Null for a directory. */
  readonly content: string | null;
  /** A listing leaves it out; a lookup finds it. */
  readonly hidden?: boolean;
  /** Negated errno by request. */
  readonly fails?: Partial<Record<'lookup' | 'opendir' | 'readdir' | 'open' | 'read', number>>;
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
const ENOENT = -2;
const ENOSYS = -38;
const HEADER = 40;

function serve(mountPoint: string, statePath: string, access: string): void {
  const fd = openSync('/dev/fuse', 'r+');
  const options = `fd=3,rootmode=40000,user_id=0,group_id=0,allow_other,${access}`;
  const mounted = spawnSync('mount', ['-i', '-t', 'fuse.rollcalltest', '-o', options, 'rollcall-test', mountPoint], {
    stdio: ['ignore', 'inherit', 'inherit', fd],
  });
  if (mounted.status !== 0) process.exit(1);
  process.stdout.write('ready\n');

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
    const state = JSON.parse(readFileSync(statePath, 'utf8')) as FuseState;
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
      const size = Buffer.byteLength(of.content ?? '');
      body.writeBigUInt64LE(BigInt(at), 0);
      body.writeBigUInt64LE(BigInt(size), 8);
      for (const time of [24, 32, 40]) body.writeBigUInt64LE(1_700_000_000n, time);
      body.writeUInt32LE(of.content === null ? 0o40755 : 0o100644, 60);
      body.writeUInt32LE(of.content === null ? 2 : 1, 64);
      return body;
    };
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
        const name = request.toString('utf8', HEADER, length - 1);
        const child = path === '' ? name : `${path}/${name}`;
        process.stdout.write(`lookup ${child}\n`);
        const found = state[child];
        if (found?.fails?.lookup !== undefined) reply(found.fails.lookup);
        else if (found === undefined) reply(ENOENT);
        else {
          const body = Buffer.alloc(40 + 88);
          const at = nodeOf(child);
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
        const error = opcode === OPCODES.open ? entry?.fails?.open : entry?.fails?.opendir;
        if (error !== undefined) reply(error);
        else reply(0, Buffer.alloc(16));
        break;
      }
      case OPCODES.readdir: {
        const from = Number(request.readBigUInt64LE(HEADER + 8));
        if (entry?.fails?.readdir !== undefined) reply(entry.fails.readdir);
        else reply(0, from > 0 ? Buffer.alloc(0) : listing(state, path, nodeOf));
        break;
      }
      case OPCODES.read: {
        const from = Number(request.readBigUInt64LE(HEADER + 8));
        const size = request.readUInt32LE(HEADER + 16);
        if (entry?.fails?.read !== undefined) reply(entry.fails.read);
        else reply(0, Buffer.from(entry?.content ?? '').subarray(from, from + size));
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

function listing(state: FuseState, path: string, nodeOf: (path: string) => number): Buffer {
  const prefix = path === '' ? '' : `${path}/`;
  const pieces: Buffer[] = [];
  let offset = 0;
  for (const [child, entry] of Object.entries(state)) {
    const name = child.slice(prefix.length);
    if (child === '' || !child.startsWith(prefix) || name.includes('/') || entry.hidden === true) continue;
    const bytes = Buffer.from(name);
    const piece = Buffer.alloc(24 + Math.ceil(bytes.length / 8) * 8);
    piece.writeBigUInt64LE(BigInt(nodeOf(child)), 0);
    piece.writeBigUInt64LE(BigInt((offset += 1)), 8);
    piece.writeUInt32LE(bytes.length, 16);
    piece.writeUInt32LE(entry.content === null ? 4 : 8, 20);
    bytes.copy(piece, 24);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , mountPoint = '', statePath = '', access = 'ro'] = process.argv;
  serve(mountPoint, statePath, access);
}
