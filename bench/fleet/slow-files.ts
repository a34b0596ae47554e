// A real FUSE file system in which opening and reading a file takes a while, for as many callers at once as there are:
// storage that is bound by latency. Usage: slow-files.ts MOUNTPOINT DELAY_MS DIRECTORIES FILES. All files of all
// directories are alike. On SIGUSR1 it prints how many calls it delayed at once at most since it was asked last. Runs
// until it is unmounted or killed.
import { spawnSync } from 'node:child_process';
import { openSync, read, writeSync } from 'node:fs';

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
const ROOT = 1;
/** Nodes: the root, then the directories from 2 on, then files, so many numbers to a directory. */
const FILES_FROM = 1_000_000;
const PER_DIRECTORY = 10_000;
const FILE_BYTES = 1_000;
const LONG_AGO_S = 1_700_000_000n;

const [mountPoint = '', delayMs = '5', directories = '10', files = '10'] = process.argv.slice(2);
const counts = { directories: Number(directories), files: Number(files) };
const content = (node: number): Buffer => Buffer.alloc(FILE_BYTES, `file ${node} `);
const isDirectory = (node: number): boolean => node < FILES_FROM;

const fd = openSync('/dev/fuse', 'r+');
const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other,ro';
const mounted = spawnSync('mount', ['-i', '-t', 'fuse.rollcallbench', '-o', options, 'rollcall-bench', mountPoint], {
  stdio: ['ignore', 'inherit', 'inherit', fd],
});
if (mounted.status !== 0) process.exit(1);

let delayed = 0;
let most = 0;
process.on('SIGUSR1', () => {
  process.stdout.write(`at once ${most}\n`);
  most = delayed;
});

interface Request {
  readonly opcode: number;
  readonly unique: bigint;
  readonly node: number;
  readonly body: Buffer;
}

function reply({ unique }: Request, error: number, body: Buffer = Buffer.alloc(0)): void {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(16 + body.length, 0);
  head.writeInt32LE(error, 4);
  head.writeBigUInt64LE(unique, 8);
  writeSync(fd, Buffer.concat([head, body]));
}

function later(work: () => void): void {
  most = Math.max(most, ++delayed);
  setTimeout(() => {
    delayed--;
    work();
  }, Number(delayMs));
}

function attributes(node: number): Buffer {
  const body = Buffer.alloc(88);
  body.writeBigUInt64LE(BigInt(node), 0);
  body.writeBigUInt64LE(isDirectory(node) ? 0n : BigInt(FILE_BYTES), 8);
  for (const time of [24, 32, 40]) body.writeBigUInt64LE(LONG_AGO_S, time);
  body.writeUInt32LE(isDirectory(node) ? 0o40755 : 0o100644, 60);
  body.writeUInt32LE(isDirectory(node) ? 2 : 1, 64);
  return body;
}

/** The names of a directory, in order, with their nodes. */
function listed(node: number, index: number): { readonly name: string; readonly node: number } | null {
  if (node === ROOT) return index < counts.directories ? { name: `folder-${index}`, node: 2 + index } : null;
  if (index >= counts.files) return null;
  return { name: `document-${index}`, node: FILES_FROM + (node - 2) * PER_DIRECTORY + index };
}

function lookedUp({ node, body }: Request): number | null {
  const index = /^(?:folder|document)-(\d+)$/.exec(body.toString('utf8', 0, body.length - 1))?.[1];
  return index === undefined ? null : (listed(node, Number(index))?.node ?? null);
}

function listing({ node, body }: Request): Buffer {
  const [from, size] = [Number(body.readBigUInt64LE(8)), body.readUInt32LE(16)];
  const pieces: Buffer[] = [];
  let bytes = 0;
  for (let at = from; ; at++) {
    const entry = listed(node, at);
    if (entry === null) break;
    const name = Buffer.from(entry.name);
    const piece = Buffer.alloc(24 + Math.ceil(name.length / 8) * 8);
    bytes += piece.length;
    if (bytes > size) break;
    piece.writeBigUInt64LE(BigInt(entry.node), 0);
    piece.writeBigUInt64LE(BigInt(at + 1), 8);
    piece.writeUInt32LE(name.length, 16);
    piece.writeUInt32LE(isDirectory(entry.node) ? 4 : 8, 20);
    name.copy(piece, 24);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function answer(request: Request): void {
  const { opcode, node, body } = request;
  switch (opcode) {
    case OPCODES.init: {
      const init = Buffer.alloc(64);
      init.writeUInt32LE(7, 0);
      init.writeUInt32LE(31, 4);
      init.writeUInt32LE(128 * 1024, 20);
      return reply(request, 0, init);
    }
    case OPCODES.lookup: {
      const found = lookedUp(request);
      if (found === null) return reply(request, ENOENT);
      const entry = Buffer.alloc(40 + 88);
      entry.writeBigUInt64LE(BigInt(found), 0);
      attributes(found).copy(entry, 40);
      return reply(request, 0, entry);
    }
    case OPCODES.getattr:
      return reply(request, 0, Buffer.concat([Buffer.alloc(16), attributes(node)]));
    case OPCODES.open:
      return later(() => reply(request, 0, Buffer.alloc(16)));
    case OPCODES.read: {
      const [from, size] = [Number(body.readBigUInt64LE(8)), body.readUInt32LE(16)];
      return later(() => reply(request, 0, content(node).subarray(from, from + size)));
    }
    case OPCODES.opendir:
      return reply(request, 0, Buffer.alloc(16));
    case OPCODES.readdir:
      return reply(request, 0, listing(request));
    case OPCODES.statfs:
      return reply(request, 0, Buffer.alloc(80));
    case OPCODES.release:
    case OPCODES.releasedir:
    case OPCODES.flush:
      return reply(request, 0);
    case OPCODES.forget:
    case OPCODES.batchForget:
      return undefined;
    default:
      return reply(request, ENOSYS);
  }
}

const buffer = Buffer.alloc(1024 * 1024 + 4096);
function next(): void {
  read(fd, buffer, 0, buffer.length, null, (error, length) => {
    // ENODEV: it was unmounted.
    if (error !== null) process.exit(0);
    answer({
      opcode: buffer.readUInt32LE(4),
      unique: buffer.readBigUInt64LE(8),
      node: Number(buffer.readBigUInt64LE(16)),
      body: Buffer.from(buffer.subarray(HEADER, length)),
    });
    next();
  });
}
next();
process.stdout.write('ready\n');
