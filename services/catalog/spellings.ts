// Names that are the same text in other bytes: a Mac takes é apart (NFD), others keep it whole (NFC). Which of a list's
// names a volume has so.
import type { Queryable } from './scans.ts';
import type { Volume } from './volumes.ts';

export interface Spellings {
  /** By the path as the list has it: the path as it is known. */
  readonly known: ReadonlyMap<string, string>;
  /** Paths of the list that may be any of several. */
  readonly ambiguous: ReadonlySet<string>;
}

/** As NFC has it: every letter with its accents in one. */
function whole(path: string): string {
  return path.normalize('NFC');
}

/**
 * Bytes come first: a path that the volume has, or has had, is that. Else it is the only one that is the same text, in
 * the volume or in whatever else was scanned; not where the list names that one as well, because then the list tells of
 * two files.
 *
 * @param paths printable, below the volume's root
 */
export async function spellingsOf(
  client: Queryable,
  target: Pick<Volume, 'rootId'>,
  paths: readonly string[],
): Promise<Spellings> {
  const known = new Map<string, string>();
  const ambiguous = new Set<string>();
  // What is spelled in ASCII has one spelling.
  const open = paths.filter((path) => /[^ -~]/.test(path));
  if (open.length === 0) return { known, ambiguous };
  const found = await client.query<{ path: string; own: boolean }>(
    `select p.path, bool_or(p.own) as own
       from (select case when d.path = '' then v.name else d.path || '/' || v.name end as path, v.root = $1 as own
               from version v join directory d on d.id = v.directory join root r on r.id = v.root join volume o on o.id = r.volume
              where o.key not like 'lists:%' and (v.name ~ '[^ -~]' or d.path ~ '[^ -~]')) p
      where normalize(p.path, nfc) = any ($2) group by p.path`,
    [target.rootId, [...new Set(open.map(whole))]],
  );
  const own = new Map<string, string[]>();
  const others = new Map<string, string[]>();
  for (const { path, own: isOwn } of found.rows) {
    const byForm = isOwn ? own : others;
    const form = whole(path);
    byForm.set(form, [...(byForm.get(form) ?? []), path]);
  }
  const listed = new Set(open);
  const taken = new Map<string, string>();
  for (const path of open) {
    const form = whole(path);
    const candidates = own.get(form) ?? others.get(form) ?? [];
    const [only] = candidates;
    if (only === undefined || candidates.includes(path) || candidates.some((one) => listed.has(one))) continue;
    if (candidates.length > 1) ambiguous.add(path);
    else {
      const first = taken.get(only);
      // Two lines for one name: which of them it is cannot be known.
      if (first === undefined) {
        taken.set(only, path);
        known.set(path, only);
      } else {
        known.delete(first);
        ambiguous.add(first).add(path);
      }
    }
  }
  return { known, ambiguous };
}
