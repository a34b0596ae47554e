// Files vanish from the bricks as storage loses them: with their handles, behind the back of GlusterFS, so that no time
// of a directory that users see moves.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodePath, encodePath } from '../../domain/path.ts';
import { BRICKS } from '../../domain/gluster/named.ts';
import { bytes } from '../support/tree.ts';
import type { World } from './world.ts';

/**
 * Whoever has the name, as content or as a symlink, loses it, and its handle too, unless the file has another name.
 * With `pointer` a pointer is left that leads to the first brick, as the last step of a broken migration leaves one.
 */
const LOSE = `
  pointer=$1 client=$2; shift 2
  for path do
    for root in $ROOTS; do
      file=$root/$path
      [ -e "$file" ] || [ -L "$file" ] || continue
      [ -L "$file" ] || [ "$(stat -c %a -- "$file")" != 1000 ] || continue
      gfid=$(getfattr -h --absolute-names -n trusted.gfid -e hex -- "$file" | sed -n 's/^trusted.gfid=0x//p')
      uuid=$(echo "$gfid" | sed -E 's/^(.{8})(.{4})(.{4})(.{4})/\\1-\\2-\\3-\\4-/')
      handle=$root/.glusterfs/$(echo "$gfid" | cut -c 1-2)/$(echo "$gfid" | cut -c 3-4)/$uuid
      if [ "$pointer" = 1 ]; then
        : >"$file"; chmod 1000 -- "$file"
        setfattr -n trusted.glusterfs.dht.linkto -v "0x$(printf "%s\\\\0" "$client" | od -An -v -tx1 | tr -d " \\n")" -- "$file"
      else
        [ "$(stat -c %h -- "$file")" -gt 2 ] || rm -f -- "$handle"
        rm -f -- "$file"
      fi
      printf '%s\\0%s\\0' "$root" "$path"
    done
  done`;

/** @returns the brick on which each of them was, by path as Rollcall writes it */
function vanish(world: World, paths: readonly string[], pointer: '0' | '1'): Map<string, string> {
  const [list, script] = [join(world.base, 'lost0'), join(world.base, 'lose.sh')];
  writeFileSync(list, bytes(...paths.flatMap((path) => [Buffer.from(decodePath(path)), Buffer.from([0])])));
  writeFileSync(script, LOSE);
  const roots = world.live.slice(BRICKS.length).replaceAll(',', ' ');
  const said = world.sh(`ROOTS='${roots}' xargs -0 sh ${script} ${pointer} gv-client-0 <${list}`);
  const words = said.toString('latin1').split('\0').slice(0, -1);
  const on = new Map<string, string>();
  for (let at = 0; at < words.length; at += 2)
    on.set(encodePath(Buffer.from(words[at + 1] ?? '', 'latin1')), words[at] ?? '');
  return on;
}

export function lose(world: World, paths: readonly string[]): Map<string, string> {
  return vanish(world, paths, '0');
}

/** The same, and a pointer to the first brick is left of each. */
export function loseToPointers(world: World, paths: readonly string[]): Map<string, string> {
  return vanish(world, paths, '1');
}
