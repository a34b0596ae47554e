// What lies on the bricks of a world of the lab, found without Rollcall; and what a client says of each name, which is
// asked last: it can destroy what it looks at.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodePath, encodePath } from '../../domain/path.ts';
import { bytes } from '../support/tree.ts';
import { records, type World } from './world.ts';

/** One brick's file or symlink of a name. */
export interface Copy {
  /** Name of the brick. */
  readonly brick: string;
  /** Permission bits, octal: '1000' is a pointer or what was not finished, '3644' the source of a migration. */
  readonly mode: string;
  readonly size: number;
  readonly isMarked: boolean;
}

/** All copies of every name, by its path as Rollcall writes paths. */
export function copiesOf(world: World, bricks = world.bricks): Map<string, Copy[]> {
  const roots = bricks.map((brick) => world.root(brick)).join(' ');
  const find = `find ${roots} -path '*/brick/.glusterfs' -prune -o \\( -type f -o -type l \\) -printf '%m %s %p\\0'`;
  const marked = markedOn(world, roots);
  const copies = new Map<string, Copy[]>();
  for (const line of records(world.sh(find))) {
    const [mode = '', size = ''] = line.toString('latin1').split(' ', 2);
    const path = line.subarray(mode.length + size.length + 2);
    const brick = bricks.find((one) => path.toString('latin1').startsWith(`${world.root(one)}/`));
    if (brick === undefined) throw new Error(`${path.toString()} is on no brick`);
    const name = encodePath(path.subarray(world.root(brick).length + 1));
    const isMarked = marked.has(path.toString('latin1'));
    copies.set(name, [...(copies.get(name) ?? []), { brick: brick.name, mode, size: Number(size), isMarked }]);
  }
  return copies;
}

/** Files that bear the mark of a pointer, Latin-1: GlusterFS puts it on what was not moved to its end, too. */
function markedOn(world: World, roots: string): ReadonlySet<string> {
  const told = world.sh(`getfattr -R -h -d -m 'dht.linkto' --absolute-names ${roots}`).toString('latin1');
  const unquote = (_: string, octal: string): string => String.fromCharCode(Number.parseInt(octal, 8));
  const files = told.split('\n').filter((line) => line.startsWith('# file: '));
  return new Set(files.map((line) => line.slice('# file: '.length).replaceAll(/\\([0-7]{3})/g, unquote)));
}

/** Names whose content, or whose symlink, is on this brick and on no other. */
export function onlyOn(brick: string, copies: ReadonlyMap<string, readonly Copy[]>): string[] {
  return [...copies].flatMap(([path, all]) => {
    const real = all.filter(({ mode }) => mode !== '1000');
    return real.length > 0 && real.every((copy) => copy.brick === brick) ? [path] : [];
  });
}

const LOOK_UP = `
const { readFileSync, lstatSync } = require('node:fs');
const [, list, mount] = process.argv;
for (const line of readFileSync(list, 'latin1').split('\\0').slice(0, -1)) {
  const path = Buffer.concat([Buffer.from(mount + '/'), Buffer.from(line, 'latin1')]);
  let said = 'ok';
  try { lstatSync(path); } catch (error) { said = error.code; }
  process.stdout.write(said + '\\0');
}`;

/**
 * What a fresh mount says of each name when it is looked up, with nothing listed before: the names that do not open,
 * with the errno. The bricks run.
 */
export function namesThatDoNotOpen(world: World, paths: readonly string[]): Map<string, string> {
  const list = join(world.base, 'names');
  writeFileSync(list, bytes(...paths.flatMap((path) => [Buffer.from(decodePath(path)), '\0'])));
  world.mountVolume();
  const { stdout, stderr, status } = world.try([process.execPath, '-e', LOOK_UP, list, world.mount]);
  world.unmountVolume();
  const said = stdout.split('\0').slice(0, -1);
  if (status !== 0 || said.length !== paths.length) throw new Error(`the look by name failed: ${stderr}`);
  return new Map(paths.flatMap((path, at) => (said[at] === 'ok' ? [] : [[path, said[at] ?? ''] as const])));
}
