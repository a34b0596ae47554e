// What is refused of an argument that names a place, and how a message shows what lies on the way there.
import { RollcallError } from '../../domain/exit.ts';
import { encodePath, isWithin, parentOf } from '../../domain/path.ts';
import { isBuiltInSkip } from '../../domain/scope.ts';
import { namesIn } from '../files/glance.ts';
import { meaningsOf } from '../files/location.ts';
import { type Accepted, refuseBrick, refuseGluster } from '../files/looking.ts';
import { mayLookUp, type Mount, mountByPath, mountsBelow } from '../files/mounts.ts';
import { isPattern } from '../../domain/snapshot-pattern.ts';
import { comesTo } from '../files/pattern-tokens.ts';

const NAMES_SHOWN_MAX = 8;

/** What every look at an argument needs to know. */
export interface LookRequest extends Accepted {
  /** What relative arguments start from. */
  readonly cwd: string;
  /** Whether other file systems below a root are entered. */
  readonly crossMounts: boolean;
}

export function shown(items: readonly string[], separator = ', '): string {
  const more = items.length - NAMES_SHOWN_MAX;
  return items.slice(0, NAMES_SHOWN_MAX).join(separator) + (more > 0 ? `${separator}and ${more} more` : '');
}

/** The nearest directory that exists on the way to a path, and what it holds: where a typing error becomes visible. */
export function nearest(path: string): string {
  let directory = path;
  for (;;) {
    const names = namesIn(directory);
    if (names !== null) return `${directory} exists and holds ${names.length === 0 ? 'nothing' : shown(names)}.`;
    if (directory === '/') return 'Nothing on the way there can be read.';
    directory = parentOf(directory);
  }
}

/** Names that say nothing of what a volume holds: every fresh ext4 has lost+found. */
export function isContent(name: string): boolean {
  return name !== 'lost+found' && !isBuiltInSkip(name, true);
}

/** An argument on a GlusterFS mount, or a pattern that leads to one, is refused before anything is touched. */
export function refuseTyped(argument: string, request: LookRequest, mounts: readonly Mount[]): void {
  for (const meaning of meaningsOf(argument, request.cwd)) refuseGluster(meaning, request, request.crossMounts, mounts);
  if (!isPattern(argument)) return;
  for (const { mountPoint } of mounts)
    if (comesTo(argument, mountPoint, request.cwd)) refuseGluster(mountPoint, request, false, mounts);
}

/** What a root turned out to be: on no GlusterFS mount, and on no brick; of local mounts that are entered, too. */
export function refuseRoots(roots: readonly string[], request: LookRequest, mounts: readonly Mount[]): void {
  for (const root of roots) refuseGluster(root, request, request.crossMounts, mounts);
  const entered = request.crossMounts ? roots.flatMap((root) => mountsBelow(root, mounts)) : [];
  refuseBrick([...roots, ...entered.filter(mayLookUp).map(({ mountPoint }) => mountPoint)], mounts);
}

/**
 * By components, and on the same mount unless others are entered: what lies on a mount below a volume is no part of it
 * otherwise.
 */
export function isInside(volume: string, path: string, crossMounts: boolean, mounts: readonly Mount[]): boolean {
  if (!isWithin(volume, path)) return false;
  return crossMounts || mountByPath(volume, mounts)?.id === mountByPath(path, mounts)?.id;
}

/** An argument as a message may show it: a pasted newline or escape sequence must not speak to the terminal. */
export function typedText(argument: string): string {
  return encodePath(Buffer.from(argument));
}

/** An unset variable of a script ("$LIVE") is an empty argument, and must not mean the current directory. */
export function refuseEmpty(option: string, argument: string): void {
  if (argument !== '') return;
  throw new RollcallError(`${option} was given an empty path.`, {
    next: 'Look for a variable that is not set; a dot (.) names the current directory.',
  });
}
