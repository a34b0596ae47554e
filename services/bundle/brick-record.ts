// What bricks have of a path, in a line of findings.jsonl and back: the rescue of a bundle is made of it.
import { type BrickEvidence, type CopyOnBrick } from '../../domain/gluster/evidence.ts';
import { withHost } from '../../domain/gluster/named.ts';
import { decodePath } from '../../domain/path.ts';

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listIn(json: Json, key: string): readonly unknown[] {
  const value = json[key];
  if (!Array.isArray(value)) throw new Error(`${key} is not a list`);
  return value;
}

const TEXTS = ['is', 'kind', 'mtimeNs', 'gfid', 'xxh64'] as const;
const NUMBERS = ['mode', 'uid', 'gid', 'size', 'zeroFrom'] as const;
/** Null where it is not known. */
const NULLABLE: readonly string[] = ['gfid', 'xxh64', 'size', 'zeroFrom'];

/** Undefined where a finding has none. Throws Error for what this program would not write. */
export function bricksIn(value: unknown): BrickEvidence | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw new Error('bricks is not an object');
  return {
    why: listIn(value, 'why').map(String) as unknown as BrickEvidence['why'],
    copies: listIn(value, 'copies').map(copyIn),
    ...(value['belongs'] === undefined ? {} : { belongs: listIn(value, 'belongs').map(String) }),
  };
}

function copyIn(json: unknown): CopyOnBrick {
  if (!isObject(json)) throw new Error('a copy is not an object');
  const { brick, rescue } = json;
  if (typeof brick !== 'string' || typeof rescue !== 'boolean') throw new Error('a copy without its brick');
  // They become paths of lists: what is no canonical path must not get there.
  decodePath(withHost(brick).path);
  const fits = (key: string, isRight: boolean): void => {
    if (!isRight && !(json[key] === null && NULLABLE.includes(key))) throw new Error(`${key} of a copy is not right`);
  };
  for (const key of TEXTS) fits(key, typeof json[key] === 'string');
  for (const key of NUMBERS) fits(key, Number.isSafeInteger(json[key]));
  const { mtimeNs, xxh64 } = json;
  if (typeof mtimeNs !== 'string' || !/^-?\d+$/.test(mtimeNs)) throw new Error('mtimeNs of a copy is not a number');
  if (typeof xxh64 === 'string' && !/^[0-9a-f]{16}$/.test(xxh64)) throw new Error('xxh64 of a copy is none');
  if (json['leadsTo'] !== undefined) listIn(json, 'leadsTo');
  return json as unknown as CopyOnBrick;
}
