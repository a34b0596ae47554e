// The file systems that paths lie on, and what an auditor must know of them before looking.
import { errnoText } from '../../domain/errno.ts';
import { accessSync, constants, existsSync, lstatSync, opendirSync, realpathSync, statfsSync, statSync } from 'node:fs';
import { errnoOf } from '../files/errors.ts';
import { bytesOf, meaningsOf, realPathOf } from '../files/location.ts';
import { brickUnder, isGluster, mayDestroy, wayTo } from '../files/gluster.ts';
import { isNetworkOrFuse, mayLookUp, mountOf, mountsBelow, readMounts, type Mount } from '../files/mounts.ts';
import { bytes, count } from '../report/wording.ts';
import { bad, ok, warning, type Check } from './check.ts';

function describeMount(mount: Mount): string {
  const access = mount.readOnly ? 'read-only' : 'read-write';
  return `${mount.fsType} from ${mount.source} on ${mount.mountPoint}, ${access}`;
}

function checkRoom(path: string): Check {
  const { bavail, bsize, blocks, ffree, files } = statfsSync(bytesOf(path));
  // Btrfs and its like count no inodes.
  const inodes = files === 0 ? '' : `, ${count(ffree)} inodes`;
  return ok(path, `${bytes(bavail * bsize)} of ${bytes(blocks * bsize)} free${inodes}`);
}

function checkListing(path: string): Check {
  try {
    const directory = opendirSync(bytesOf(path));
    const first = directory.readSync();
    directory.closeSync();
    return first === null
      ? warning(path, 'is empty', 'check that the volume is mounted; an empty volume is never taken for a loss')
      : ok(path, 'can be listed');
  } catch (error) {
    const errno = errnoOf(error) ?? String(error);
    return errno === 'ENOTDIR'
      ? bad(path, 'is not a directory', 'name the directory of a volume or of a snapshot')
      : bad(path, `cannot be listed: ${errnoText(errno)}`, 'run as a user who may (root, or CAP_DAC_READ_SEARCH)');
  }
}

function refused(path: string, mount: Mount): readonly Check[] {
  return [
    ok(path, describeMount(mount)),
    bad(
      path,
      isGluster(mount)
        ? 'a GlusterFS mount: looking a name up can delete the last copy of a file, through a read-only mount too, so doctor stops here'
        : 'a FUSE mount that may be GlusterFS, where looking a name up can delete the last copy of a file, so doctor stops here',
      isGluster(mount)
        ? 'stop all writing, scan the bricks, rescue what is hidden on them; assess refuses the mount until you say --bricks-rescued'
        : 'if it is no GlusterFS: assess takes it with --not-gluster',
    ),
  ];
}

function onBrick(path: string, brick: string): Check {
  return bad(
    path,
    brick === path ? 'a brick of a GlusterFS volume' : `on a brick of a GlusterFS volume (${brick})`,
    'never write to it; assess, verify and restore.sh refuse it: audit the volume through its mount, after the bricks were rescued',
  );
}

function checkMount(path: string, mount: Mount | null): readonly Check[] {
  if (mount === null)
    return [warning(path, 'is on a mount that this process does not see', 'run outside of the container')];
  const checks = [ok(path, describeMount(mount))];
  if (!mayLookUp(mount)) {
    checks.push(ok(path, 'absence is confirmed here by a second listing, not by a lookup'));
  }
  const below = mountsBelow(realPathOf(path));
  if (below.length > 0) {
    const some = below
      .slice(0, 3)
      .map((each) => each.mountPoint)
      .join(', ');
    checks.push(
      ok(
        path,
        `${count(below.length)} mounts below it are not entered without --cross-mounts: ${some}${below.length > 3 ? ' …' : ''}`,
      ),
    );
  }
  return checks;
}

export function checkPath(argument: string): readonly Check[] {
  if (argument === '') return [bad('a path', 'is empty', 'look for a variable that is not set')];
  const meanings = meaningsOf(argument);
  // The mount table first: even the question whether the path exists is a lookup.
  const mounts = readMounts();
  for (const meaning of meanings) {
    const { met } = wayTo(meaning, mayDestroy, mounts);
    if (met !== null) return refused(meaning, met);
  }
  const path = meanings.find((meaning) => existsSync(bytesOf(meaning)));
  if (path === undefined)
    return [
      bad(argument, 'does not exist, or cannot be looked up', 'check the path, and whether its file system is mounted'),
    ];
  try {
    const brick = brickUnder([realPathOf(path)], mounts);
    return [
      ...checkMount(path, mountOf(path, mounts)),
      ...(brick === null ? [] : [onBrick(path, brick)]),
      checkListing(path),
      checkRoom(path),
    ];
  } catch (error) {
    return [
      bad(path, `cannot be read: ${errnoOf(error) ?? String(error)}`, 'check the file system and the kernel log'),
    ];
  }
}

/** The state directory, if there is one: whose it is, its room, and whether it can be written. */
export function checkStateRoom(stateDir: string): readonly Check[] {
  const found = lstatSync(stateDir, { throwIfNoEntry: false });
  if (found === undefined) return [ok('state directory', `${stateDir} is made when it is needed`)];
  try {
    const { uid } = statSync(stateDir);
    if (uid !== process.getuid?.()) {
      return [bad('state directory', `${stateDir} belongs to uid ${uid}`, 'run as its owner, or use --state-dir')];
    }
    accessSync(stateDir, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(stateDir);
    const free = bavail * bsize;
    const fsType = mountOf(realpathSync(stateDir))?.fsType ?? '';
    return [
      // Its server guards the data against a second one on the same machine only.
      ...(isNetworkOrFuse(fsType)
        ? [
            warning(
              'state directory',
              `${stateDir} is on ${fsType}; use from two machines at once would destroy it`,
              'use a local --state-dir, or a server in DATABASE_URL',
            ),
          ]
        : []),
      free > 1024 ** 3
        ? ok('state directory', `${stateDir}, ${bytes(free)} free`)
        : warning(
            'state directory',
            `${stateDir} has ${bytes(free)} left`,
            'a million files take about 300 MB: free space, or use --state-dir',
          ),
    ];
  } catch (error) {
    return [
      bad(
        'state directory',
        `${stateDir} cannot be written: ${errnoOf(error) ?? String(error)}`,
        'run as its owner, or use --state-dir',
      ),
    ];
  }
}
