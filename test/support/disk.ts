// File systems of their own on loop devices, and what is done to them below the file system: the tools of a medium that
// fails.
import { closeSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { run } from './machine.ts';

export interface Disk {
  readonly at: string;
  readonly image: string;
  readonly mount: (...options: readonly string[]) => void;
  /** Lazily in the middle of a scan; else whoever mounts it again may meet what the kernel remembers. */
  readonly unmount: (lazily?: 'lazily') => void;
}

/** What ext4 is made with where a test does not say: checksums, no journal. */
const EXT4 = ['-b', '1024', '-O', 'metadata_csum,^has_journal'];

/**
 * A file system in a file below `place`, mounted; unmounted when the test ends.
 *
 * @param made.at the mount point if it is not to be one in there
 */
export function disk(
  place: string,
  made: {
    readonly type?: 'ext4' | 'btrfs';
    readonly name?: string;
    readonly size?: string;
    readonly options?: readonly string[];
    readonly at?: string;
  } = {},
): Disk {
  const { type = 'ext4', name = 'image', size = type === 'ext4' ? '8M' : '128M', options = EXT4 } = made;
  const image = join(place, name);
  const at = made.at ?? join(place, `${name}-mnt`);
  mkdirSync(at, { recursive: true });
  run('truncate', '-s', size, image);
  if (type === 'ext4') run('mkfs.ext4', '-q', ...options, image);
  else run('mkfs.btrfs', '-q', ...(made.options ?? ['-m', 'single', '-d', 'single']), image);
  let isMounted = false;
  const mount = (...more: readonly string[]): void => {
    run('mount', '-o', ['loop', ...(type === 'ext4' ? ['errors=continue'] : []), ...more].join(','), image, at);
    isMounted = true;
  };
  const unmount = (lazily?: 'lazily'): void => {
    if (!isMounted) return;
    run('umount', ...(lazily === undefined ? [] : ['-l']), at);
    isMounted = false;
    if (lazily !== undefined) return;
    // The loop device goes a moment later, and with it what the kernel remembers of the blocks.
    const deadline = Date.now() + 30_000;
    while (run('losetup', '-j', image) !== '' && Date.now() < deadline) run('sync', image);
  };
  mount();
  onTestFinished(() => unmount('lazily'));
  return { at, image, mount, unmount };
}

/** Changes bytes of an image: nothing above it is told. */
export function poke(image: string, at: number, change: (bytes: Buffer) => void, length = 1024): void {
  const fd = openSync(image, 'r+');
  try {
    const bytes = Buffer.alloc(length);
    readSync(fd, bytes, 0, length, at);
    change(bytes);
    writeSync(fd, bytes, 0, length, at);
  } finally {
    closeSync(fd);
  }
}

/** The blocks of a file or directory of an unmounted ext4, in order. */
export function blocksOf(image: string, path: string): number[] {
  return run('debugfs', '-R', `blocks ${path}`, image).trim().split(' ').map(Number);
}

/** Flips a byte in the first block of a file or directory of an unmounted ext4 of 1 KiB blocks. */
export function flip(image: string, path: string): void {
  poke(image, (blocksOf(image, path)[0] ?? 0) * 1024, (bytes) => {
    bytes[500] = (bytes[500] ?? 0) ^ 0xff;
  });
}

/** Points a file of an unmounted ext4 outside of the medium: its content cannot be read any more. */
export function breakFile(image: string, path: string): void {
  for (const block of [0, 1]) run('debugfs', '-w', '-R', `set_inode_field ${path} block[${block}] 99`, image);
}

/** Makes an entry in the second block of a directory so short that nothing behind it can be followed. */
export function breakDirectory(image: string, path: string): void {
  poke(image, (blocksOf(image, path)[1] ?? 0) * 1024, (bytes) => {
    let at = 0;
    for (let entry = 0; entry < 3; entry++) at += bytes.readUInt16LE(at + 4);
    bytes.writeUInt16LE(3, at + 4);
  });
}
