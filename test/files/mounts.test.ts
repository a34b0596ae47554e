// Mounts as the kernel tells of them, and roots known again by what they are and not by where they lie.
import { mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import {
  identifyRoot,
  identityDifference,
  isFileSystemRoot,
  type RootIdentity,
} from '../../services/files/identity.ts';
import { futurePathOf, meaningsOf } from '../../services/files/location.ts';
import {
  isNetworkOrFuse,
  mayLookUp,
  mountByPath,
  mountOf,
  mountsBelow,
  parseMount,
  readMounts,
} from '../../services/files/mounts.ts';
import { Place } from './snapshots/trees.ts';
import { canMount, run } from '../support/machine.ts';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => {
  place[Symbol.dispose]();
});

describe('the mount table', () => {
  it('is read with its escapes, optional fields and bytes that are not UTF-8', () => {
    const line =
      '36 35 98:0 /sub\\040vol /mnt/a\\012b\\134c\xff rw,noatime master:1 shared:2 - fuse.glusterfs host:/vol\\0401 rw,user_id=0';
    expect(parseMount(line)).toEqual({
      id: 36,
      parent: 35,
      device: '98:0',
      root: '/sub vol',
      mountPoint: '/mnt/a\\x0ab\\\\c\\xff',
      fsType: 'fuse.glusterfs',
      source: 'host:/vol 1',
      options: ['rw', 'noatime'],
      superOptions: ['rw', 'user_id=0'],
      readOnly: false,
    });
    expect(parseMount('36 35 98:0 / /mnt ro,relatime - ext4 /dev/sda1 rw')?.readOnly).toBe(true);
    expect(parseMount('36 35 98:0 / /mnt rw,relatime - ext4 /dev/sda1 ro')?.readOnly).toBe(true);
    expect(parseMount('')).toBeNull();
  });

  it('tells file systems that another machine or a process answers for', () => {
    for (const type of [
      'fuse.glusterfs',
      'fuse.sshfs',
      'fuse',
      'nfs',
      'nfs4',
      'cifs',
      'smb3',
      '9p',
      'ceph',
      'glusterfs',
    ]) {
      expect([type, isNetworkOrFuse(type)]).toEqual([type, true]);
    }
    for (const type of ['ext4', 'xfs', 'btrfs', 'tmpfs', 'fuseblk', 'fusectl', 'zfs', 'overlay']) {
      expect([type, isNetworkOrFuse(type)]).toEqual([type, false]);
    }
  });

  it('says where a lookup by name proves absence: not on a network mount, read-only or not', () => {
    const mount = (type: string, mode: string) => parseMount(`1 0 0:1 / /m ${mode} - ${type} host:/x ${mode}`);
    expect(mayLookUp(mount('nfs4', 'rw'))).toBe(false);
    expect(mayLookUp(mount('nfs4', 'ro'))).toBe(false);
    expect(mayLookUp(mount('fuse.glusterfs', 'ro'))).toBe(false);
    expect(mayLookUp(mount('ext4', 'rw'))).toBe(true);
    expect(mayLookUp(null)).toBe(true);
  });

  it('goes by components: a mount on /a does not hold /ab', () => {
    const mounts = ['1 0 0:1 / / rw - ext4 x rw', '2 1 0:2 / /a rw - xfs y rw', '3 2 0:3 / /a rw - tmpfs z rw'].flatMap(
      (line) => parseMount(line) ?? [],
    );
    expect(mountByPath('/ab', mounts)?.id).toBe(1);
    expect(mountByPath('/a', mounts)?.id).toBe(3);
    expect(mountByPath('/a/b', mounts)?.id).toBe(3);
    expect(mountsBelow('/', mounts).map(({ id }) => id)).toEqual([2, 3]);
    expect(mountsBelow('/a', mounts)).toEqual([]);
  });

  it('knows the mount of a path through links', () => {
    place.directory('d');
    symlinkSync('d', place.join('link'));
    expect(mountOf(place.join('link'))?.id).toBe(mountOf(place.join('d'))?.id);
    expect(() => mountOf(place.join('none'))).toThrow('ENOENT');
  });

  it.runIf(canMount)('knows mounts with odd names, overmounts and read-only ones', () => {
    place.mount('tmpfs', 'one', 'od d\n\\x');
    place.mount('tmpfs', 'two', 'od d\n\\x/below', '-o', 'ro');
    place.mount('tmpfs', 'three', 'od d\n\\x/below');
    const odd = `${place.path}/od d\\x0a\\\\x`;
    expect(mountOf(odd)).toMatchObject({ source: 'one', mountPoint: odd, fsType: 'tmpfs', readOnly: false });
    expect(mountsBelow(odd).map(({ source, readOnly }) => [source, readOnly])).toEqual([
      ['two', true],
      ['three', false],
    ]);
    expect(mountOf(`${odd}/below`)?.source).toBe('three');
    expect(mountByPath(`${odd}/below/x`)?.source).toBe('three');
  });
});

describe('what was typed', () => {
  it('is taken as printable text first, then as it stands', () => {
    expect(meaningsOf('a//b/../c/', '/x')).toEqual(['/x/a/c']);
    expect(meaningsOf('/a\\x0ab', '/')).toEqual(['/a\\x0ab', '/a\\\\x0ab']);
    expect(meaningsOf('/a\\b', '/')).toEqual(['/a\\\\b']);
    expect(meaningsOf('/a\nb', '/')).toEqual(['/a\\x0ab']);
    expect(meaningsOf('/a\0b', '/')).toEqual([]);
  });

  it('has a real path even before it exists', () => {
    place.directory('d');
    symlinkSync('d', place.join('link'));
    expect(futurePathOf(place.join('link/new/deeper'))).toBe(place.join('d/new/deeper'));
    expect(futurePathOf(place.join('link'))).toBe(place.join('d'));
  });
});

describe('the identity of a root', () => {
  it('is the same today and tomorrow, through a link too, and another one for another directory', () => {
    place.directory('a', 'b');
    symlinkSync('a', place.join('link'));
    const identity = identifyRoot(place.join('a'));
    expect(identity.rootInode).toBe(String(statSync(place.join('a')).ino));
    expect(identityDifference(identity, identifyRoot(place.join('link')))).toBeNull();
    place.write({ 'a/f': 'x' });
    expect(identityDifference(identity, identifyRoot(place.join('a')))).toBeNull();
    expect(identityDifference(identity, identifyRoot(place.join('b')))).toMatch(
      /^the inode of the root directory is \d+, and was \d+$/,
    );
    expect(JSON.parse(JSON.stringify(identity))).toEqual(identity);
  });

  it('compares only what is known on both sides', () => {
    const known: RootIdentity = {
      fsType: 'ext4',
      uuid: 'u',
      source: null,
      subvolume: null,
      rootInode: '2',
      rootBtimeNs: null,
      enteredMounts: [],
    };
    expect(identityDifference(known, { ...known, uuid: null, source: 'host:/x' })).toBeNull();
    expect(identityDifference(known, { ...known, uuid: 'v' })).toBe('the UUID of the file system is v, and was u');
    expect(identityDifference(known, { ...known, fsType: 'xfs', rootInode: '64' })).toBe(
      'the file system is xfs, and was ext4; the inode of the root directory is 64, and was 2',
    );
  });

  it('is refused, with what to do next, for what is no directory or may not be read', () => {
    place.write({ f: '' });
    for (const [name, message] of [
      ['none', 'does not exist'],
      ['f', 'is not a directory'],
      ['f/x', 'is not a directory'],
    ]) {
      expect(() => identifyRoot(place.join(name!))).toThrow(message);
    }
    try {
      identifyRoot(place.join('none'));
    } catch (error) {
      expect(error).toBeInstanceOf(RollcallError);
      expect(error).toMatchObject({ exit: EXIT.failure, next: expect.stringContaining('findmnt') });
    }
  });

  it.runIf(canMount)('changes when another file system is mounted over it, or when it is not mounted at all', () => {
    const root = place.mount('tmpfs', 'one', 'v');
    place.write({ 'v/f': '' });
    const identity = identifyRoot(root);
    expect(identity.fsType).toBe('tmpfs');
    expect(isFileSystemRoot(root, 0n)).toBe(true);
    expect(isFileSystemRoot(place.path, 0n)).toBe(false);
    place.unmount(root);
    expect(identityDifference(identity, identifyRoot(root))).toMatch(/^the file system is .*, and was tmpfs/);
  });

  it.runIf(canMount)('is told with the mounts below it, until they are unmounted', () => {
    const below = place.mount('tmpfs', 'two', 'v/below');
    expect(mountsBelow(place.join('v')).map(({ mountPoint }) => mountPoint)).toEqual([below]);
    place.unmount(below);
    expect(mountsBelow(place.join('v'))).toEqual([]);
  });

  it.runIf(canMount)(
    'survives another mount of the same ext4, on another device and place, and is not that of a copy',
    () => {
      run('truncate', '-s', '8M', place.join('one.img'));
      run('mkfs.ext4', '-q', '-F', place.join('one.img'));
      const first = place.mount('ext4', place.join('one.img'), 'm1', '-o', 'loop');
      const identity = identifyRoot(first);
      place.unmount(first);
      const second = place.mount('ext4', place.join('one.img'), 'm2', '-o', 'loop,ro');
      expect(identityDifference(identity, identifyRoot(second))).toBeNull();
      expect(mountOf(second)?.readOnly).toBe(true);
      expect(identity).toMatchObject({ fsType: 'ext4', rootInode: '2', subvolume: null, source: null });
      expect(readMounts().some(({ mountPoint }) => mountPoint === second)).toBe(true);
    },
  );

  it('is another one after the directory was made anew', () => {
    place.directory('v', 'w');
    const identity = identifyRoot(place.join('v'));
    mkdirSync(place.join('new'));
    writeFileSync(place.join('new/keeps-the-inode-busy'), '');
    rmSync(place.join('v'), { recursive: true });
    run('mv', place.join('new'), place.join('v'));
    expect(identityDifference(identity, identifyRoot(place.join('v')))).not.toBeNull();
  });
});
