// The names under which old content is put beside what has its name now.
import type { Finding, State } from '../assessment.ts';
import { baseName, decodeName, encodeName, joinPath, parentOf } from '../path.ts';
import { VERDICT } from '../verdicts.ts';

const NAME_BYTES_MAX = 255;
const SUFFIX = /\.rollcall-(?:\d{8}T\d{6}Z|snapshot)(?:-\d+)?$/;

/**
 * Whether the old content goes beside what lies there, rather than in its place. `obstacle` is what damaged content is
 * held against.
 */
export function isBeside(
  finding: Pick<Finding, 'verdict'>,
  {
    obstacle,
    source,
  }: { readonly obstacle: { readonly state: State } | null; readonly source: { readonly state: State } },
): boolean {
  const { restored } = VERDICT[finding.verdict];
  if (restored !== 'in exchange') return restored === 'beside';
  // Damaged content is exchanged for content of its own kind only.
  return obstacle === null || obstacle.state.kind !== source.state.kind;
}

/** 20261120T030000Z, from the start of an ISO 8601 time or interval. */
function stamp(asOf: string): string {
  const ms = Date.parse(asOf.split('/')[0] ?? '');
  return Number.isNaN(ms) ? 'snapshot' : `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** A name beside `path` that nothing of this assessment has, at most 255 bytes, cut between characters. */
export function besideName(path: string, asOf: string, taken: ReadonlySet<string>): string {
  const name = decodeName(baseName(path));
  for (let n = 1; ; n++) {
    const suffix = ascii(`.rollcall-${stamp(asOf)}${n === 1 ? '' : `-${n}`}`);
    let keep = Math.min(name.length, NAME_BYTES_MAX - suffix.length);
    while (keep > 0 && keep < name.length && ((name[keep] ?? 0) & 0xc0) === 0x80) keep--;
    const beside = joinPath(parentOf(path), encodeName(Uint8Array.of(...name.subarray(0, keep), ...suffix)));
    if (!taken.has(beside)) return beside;
  }
}

/** A name that was made so, of whatever. */
export function isBesideName(name: string): boolean {
  return SUFFIX.test(name);
}

/** One that was made so, and may be of `name`: a long name was cut. */
export function isBesideOf(beside: string, name: string): boolean {
  const stem = beside.replace(SUFFIX, '');
  return stem === name || (name.startsWith(stem) && decodeName(beside).length > NAME_BYTES_MAX - 4);
}
