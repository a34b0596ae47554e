// The records of a bundle's JSON Lines files, written by bundle.ts and read by verify.ts. Paths are printable text, digests 16 hex digits, times ns
// as decimal strings, so that every JSON parser keeps them whole.
import type { Finding, State } from '../../domain/assessment.ts';
import { KINDS, type Kind } from '../../domain/version.ts';
import { listFileOf } from './lists.ts';
import { type Action, type Entry, type Need, NEEDS, type RestorePlan } from './plan.ts';

export const BUNDLE_FORMAT = 1;

/** One line of manifest.jsonl, as far as `verify` needs it. */
export interface ManifestEntry {
  readonly volume: string;
  /** Where it was; below the volume's root. */
  readonly path: string;
  /** Where it is put; below the target. */
  readonly destination: string;
  readonly verdict: string;
  readonly list: string;
  readonly needs: readonly Need[];
  readonly action: Action;
  readonly recovery: 'exact' | 'older';
  readonly linkTo: string | null;
  readonly state: State;
  /** What a damaged entry replaces. */
  readonly obstacle: State | null;
  readonly expectedKey: string;
  readonly observedKey: string;
}

function stateRecord(state: State | null): Record<string, unknown> | null {
  if (state === null) return null;
  return {
    kind: state.kind,
    size: state.size,
    digest: state.digest,
    mtimeNs: String(state.mtimeNs),
    mode: state.mode.toString(8).padStart(4, '0'),
    uid: state.uid,
    gid: state.gid,
    target: state.target,
    rdev: state.rdev === null ? null : String(state.rdev),
  };
}

export function manifestRecord(plan: RestorePlan, entry: Entry): Record<string, unknown> {
  const { finding } = entry;
  const source = plan.sources[entry.source];
  return {
    volume: finding.volume,
    path: finding.path,
    destination: entry.destination,
    verdict: finding.verdict,
    ...stateRecord(entry.state),
    recovery: entry.recovery,
    list: entry.list,
    file: `lists/${listFileOf(plan, entry)}`,
    needs: entry.needs,
    action: entry.action,
    source: {
      nn: source?.nn,
      series: source?.series,
      snapshot: source?.snapshot,
      root: source?.root,
      path: entry.sourcePath,
      asOf: source?.asOf,
      proof: source?.proof,
    },
    cause: finding.cause?.cause ?? null,
    linkTo: entry.linkTo,
    sha256: entry.sha256,
    inTheWay: entry.obstacle === null ? null : { ...stateRecord(entry.obstacle.state), sha256: entry.obstacle.sha256 },
    expectedKey: finding.expectedKey,
    observedKey: finding.observedKey,
  };
}

/** A line of findings.jsonl or lost.jsonl. `restore` says where it went, or why it went nowhere. */
export function findingRecord(finding: Finding, restore: string | null): Record<string, unknown> {
  const { source } = finding;
  return {
    volume: finding.volume,
    path: finding.path,
    kind: finding.kind,
    verdict: finding.verdict,
    flags: finding.flags,
    recovery: finding.recovery,
    restore,
    source:
      source === null
        ? null
        : {
            series: source.series,
            snapshot: source.snapshot,
            root: source.root,
            path: source.path,
            asOf: source.asOf,
            proof: source.proof,
            proofAt: new Date(source.proofAtMs).toISOString(),
            ...stateRecord(source.state),
          },
    expected: stateRecord(finding.expected),
    expectedAsOf: finding.expectedAsOf,
    found: stateRecord(finding.found),
    between: finding.between,
    cause: finding.cause,
    movedTo: finding.movedTo,
    errno: finding.errno,
    below: finding.below,
    linkTo: finding.linkTo,
    accepted: finding.accepted,
    evidence: finding.evidence ?? [],
    expectedKey: finding.expectedKey,
    observedKey: finding.observedKey,
  };
}

const ACTIONS: readonly Action[] = ['copy', 'replace', 'link', 'directory'];

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(json: Json, key: string): string {
  const value = json[key];
  if (typeof value !== 'string') throw new Error(`${key} is not text`);
  return value;
}

function textOrNull(json: Json, key: string): string | null {
  return json[key] === null ? null : text(json, key);
}

function whole(json: Json, key: string): number {
  const value = json[key];
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new Error(`${key} is not a whole number`);
  return value;
}

function one<T extends string>(values: readonly T[], json: Json, key: string): T {
  const value = text(json, key);
  const found = values.find((each) => each === value);
  if (found === undefined) throw new Error(`${key} is ${JSON.stringify(value)}`);
  return found;
}

function parseState(json: Json): State {
  const kind: Kind = one(KINDS, json, 'kind');
  const rdev = textOrNull(json, 'rdev');
  return {
    kind,
    mode: Number.parseInt(text(json, 'mode'), 8),
    uid: whole(json, 'uid'),
    gid: whole(json, 'gid'),
    size: json['size'] === null ? null : whole(json, 'size'),
    mtimeNs: BigInt(text(json, 'mtimeNs')),
    target: textOrNull(json, 'target'),
    rdev: rdev === null ? null : BigInt(rdev),
    digest: textOrNull(json, 'digest'),
  };
}

/** Throws Error with the reason for anything that manifestRecord would not write. */
export function parseManifestLine(line: string): ManifestEntry {
  const json: unknown = JSON.parse(line);
  if (!isObject(json)) throw new Error('not an object');
  const needs = json['needs'];
  if (!Array.isArray(needs)) throw new Error('needs is not a list');
  const inTheWay = json['inTheWay'];
  return {
    volume: text(json, 'volume'),
    path: text(json, 'path'),
    destination: text(json, 'destination'),
    verdict: text(json, 'verdict'),
    list: text(json, 'list'),
    needs: NEEDS.filter((need) => needs.includes(need)),
    action: one(ACTIONS, json, 'action'),
    recovery: one(['exact', 'older'] as const, json, 'recovery'),
    linkTo: textOrNull(json, 'linkTo'),
    state: parseState(json),
    obstacle: isObject(inTheWay) ? parseState(inTheWay) : null,
    expectedKey: text(json, 'expectedKey'),
    observedKey: text(json, 'observedKey'),
  };
}
