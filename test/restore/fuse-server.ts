// A real FUSE file system with an empty root, mounted read-write, that prints every request for a name: does anybody look one up who must not?
// Usage: fuse-server.ts MOUNTPOINT. Runs until it is killed; whoever starts it unmounts.
import { spawnSync } from 'node:child_process';
import { openSync, readSync, writeSync } from 'node:fs';

const mountPoint = process.argv[2] ?? '';
const fd = openSync('/dev/fuse', 'r+');
const mounted = spawnSync(
  'mount',
  ['-i', '-t', 'fuse.rollcalltest', '-o', 'fd=3,rootmode=40000,user_id=0,group_id=0', 'rollcall-test', mountPoint],
  { stdio: ['ignore', 'inherit', 'inherit', fd] },
);
if (mounted.status !== 0) process.exit(1);
process.stdout.write('ready\n');

const LOOKUP = 1;
const FORGET = 2;
const GETATTR = 3;
const STATFS = 17;
const INIT = 26;
const OPENDIR = 27;
const READDIR = 28;
const BATCH_FORGET = 42;
const ENOENT = -2;
const ENOSYS = -38;

function reply(unique: bigint, error: number, body: Buffer): void {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(16 + body.length, 0);
  head.writeInt32LE(error, 4);
  head.writeBigUInt64LE(unique, 8);
  writeSync(fd, Buffer.concat([head, body]));
}

function attributes(): Buffer {
  const body = Buffer.alloc(104);
  body.writeBigUInt64LE(1n, 16); // inode
  body.writeUInt32LE(0o40755, 16 + 60);
  body.writeUInt32LE(2, 16 + 64);
  return body;
}

const request = Buffer.alloc(1024 * 1024 + 4096);
for (;;) {
  let length: number;
  try {
    length = readSync(fd, request);
  } catch {
    // ENODEV: it was unmounted.
    process.exit(0);
  }
  const opcode = request.readUInt32LE(4);
  const unique = request.readBigUInt64LE(8);
  switch (opcode) {
    case INIT: {
      const body = Buffer.alloc(64);
      body.writeUInt32LE(7, 0);
      body.writeUInt32LE(31, 4);
      body.writeUInt32LE(128 * 1024, 20); // max_write
      reply(unique, 0, body);
      break;
    }
    case GETATTR:
      reply(unique, 0, attributes());
      break;
    case LOOKUP:
      writeSync(1, `lookup ${request.subarray(40, length - 1).toString('latin1')}\n`);
      reply(unique, ENOENT, Buffer.alloc(0));
      break;
    case OPENDIR:
      reply(unique, 0, Buffer.alloc(16));
      break;
    case READDIR:
      reply(unique, 0, Buffer.alloc(0));
      break;
    case STATFS:
      reply(unique, 0, Buffer.alloc(80));
      break;
    case FORGET:
    case BATCH_FORGET:
      break;
    default:
      reply(unique, ENOSYS, Buffer.alloc(0));
  }
}
