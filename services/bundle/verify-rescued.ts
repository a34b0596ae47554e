// What rescue.sh has copied off the bricks and put back through a mount is compared, too: the lists of rescue/ say what
// each file was.
import { existsSync, readFileSync } from 'node:fs';
import { encodePath } from '../../domain/path.ts';
import { fileOf } from './bundle-files.ts';
import type { Look } from './content.ts';
import type { VerifyItem } from './verify.ts';

export interface Rescued {
  /** Printable. */
  readonly path: string;
  readonly size: number;
  /** Null where the brick could not be read: then nothing proves what came back. */
  readonly xxh64: string | null;
  /** The list of rescue/ that puts it back: back0 for what equals a backup. */
  readonly list: string;
}

const FIELDS = 10;

/** None for a bundle without rescue/. Copies that lie beside the first one are for a person to compare. */
export function rescuedBy(bundle: string): Rescued[] {
  if (!existsSync(fileOf(bundle, 'rescue/hidden0'))) return [];
  const proven = new Set(fieldsOf(bundle, 'rescue/back0').map((field) => encodePath(field.subarray(1))));
  const fields = fieldsOf(bundle, 'rescue/hidden0');
  const rescued: Rescued[] = [];
  for (let at = 0; at + FIELDS <= fields.length; at += FIELDS) {
    const [, , path, staged, size, xxh64] = fields.slice(at, at + FIELDS);
    if (path === undefined || staged === undefined || staged.subarray(0, 6).toString() !== 'files/') continue;
    const printable = encodePath(path);
    const digest = xxh64?.toString() ?? '-';
    rescued.push({
      path: printable,
      size: Number(size?.toString() ?? 0),
      xxh64: digest === '-' ? null : digest,
      list: `rescue/${proven.has(printable) ? 'back0' : 'back-unproven0'}`,
    });
  }
  return rescued;
}

function fieldsOf(bundle: string, name: string): Buffer[] {
  const raw = readFileSync(fileOf(bundle, name));
  const fields: Buffer[] = [];
  for (let from = 0; from < raw.length; ) {
    const end = raw.indexOf(0, from);
    fields.push(raw.subarray(from, end));
    from = end + 1;
  }
  return fields;
}

export function isRescued({ list }: Pick<VerifyItem, 'list'>): boolean {
  return list.startsWith('rescue/');
}

/** As an entry of the manifest, with the finding that it came from. */
export function rescuedItem({ path, size, xxh64, list }: Rescued, look: Look, volume: string): VerifyItem {
  const { status, detail } = found();
  const its = { volume, path, destination: path, kind: 'file', verdict: 'hidden', list, needs: [] } as const;
  return { ...its, status, detail, isRemote: false, metadata: [], expectedKey: '', observedKey: '' };

  function found(): Pick<VerifyItem, 'status' | 'detail'> {
    switch (look.is) {
      case 'absent':
        return { status: 'missing', detail: 'it was not put back yet' };
      case 'blocked':
        return { status: 'blocked', detail: 'a symlink or a file is where one of its directories should be' };
      case 'unreadable':
        return { status: 'unreadable', detail: `it cannot be read (${look.errno})` };
      case 'there':
        break;
    }
    if (xxh64 === null) return { status: 'unreadable', detail: 'its content could not be read on the brick' };
    if (look.state.size === size && look.state.digest === xxh64) return { status: 'restored', detail: null };
    return { status: 'differs', detail: `it is not what was on the brick (digest ${xxh64})` };
  }
}
