// The records of a bundle's JSON Lines files, written by bundle.ts and read by verify.ts. Paths are printable text,
// digests 16 hex digits, times ns as decimal strings, so that every JSON parser keeps them whole.
import { bricksIn } from './brick-record.ts';
import { type Finding, type LiveInode, RECOVERIES, type Source, type State } from '../../domain/assessment.ts';
import { VERDICTS } from '../../domain/verdicts.ts';
import { decodePath } from '../../domain/path.ts';
import { KINDS, type Kind } from '../../domain/version.ts';
import { listFileOf } from './lists.ts';
import { type Need, NEEDS } from '../../domain/restore/needs.ts';
import type { Action, Entry } from '../../domain/restore/entry.ts';
import type { RestorePlan } from '../../domain/restore/plan.ts';
import { type Part, PARTS } from '../../domain/restore/selection.ts';

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
  /** Its snapshot lies on another host. */
  readonly isRemote: boolean;
  readonly linkTo: string | null;
  readonly liveInode: LiveInode | null;
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
    mtimeNs: state.mtimeNs === null ? null : String(state.mtimeNs),
    mode: state.mode?.toString(8).padStart(4, '0') ?? null,
    uid: state.uid,
    gid: state.gid,
    target: state.target,
    rdev: state.rdev === null ? null : String(state.rdev),
  };
}

function liveInodeRecord({ liveInode }: Finding): Record<string, unknown> | null {
  return liveInode === null || liveInode === undefined ? null : { ...liveInode, inode: String(liveInode.inode) };
}

/** Left out by versions that did not know it. */
function liveInodeIn(json: Json): LiveInode | null {
  const value = json['liveInode'];
  return isObject(value) ? { inode: BigInt(text(value, 'inode')), nlink: whole(value, 'nlink') } : null;
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
      host: source?.host,
      root: source?.root,
      path: entry.sourcePath,
      asOf: source?.asOf,
      proof: source?.proof,
      inTarget: source?.inTarget,
    },
    insteadOf:
      entry.insteadOf === null
        ? null
        : {
            snapshot: entry.insteadOf.source.snapshot,
            path: entry.insteadOf.source.path,
            why: entry.insteadOf.why,
          },
    cause: finding.cause?.cause ?? null,
    linkTo: entry.linkTo,
    liveInode: liveInodeRecord(finding),
    sha256: entry.sha256,
    inTheWay: entry.obstacle === null ? null : { ...stateRecord(entry.obstacle.state), sha256: entry.obstacle.sha256 },
    expectedKey: finding.expectedKey,
    observedKey: finding.observedKey,
  };
}

/**
 * A line of findings.jsonl or lost.jsonl. `restore` says where it went, or why it went nowhere; `needs` the options
 * that a restore of it takes; `part` in which part of a divided bundle it is, null for what cannot be restored.
 */
export function findingRecord(
  finding: Finding,
  { restore, needs, part }: { restore: string | null; needs: readonly string[]; part: Part | null },
): Record<string, unknown> {
  const { source } = finding;
  return {
    volume: finding.volume,
    path: finding.path,
    kind: finding.kind,
    verdict: finding.verdict,
    flags: finding.flags,
    recovery: finding.recovery,
    restore,
    needs,
    part,
    source:
      source === null
        ? null
        : {
            series: source.series,
            snapshot: source.snapshot,
            host: source.host,
            root: source.root,
            scan: String(source.scanId),
            path: source.path,
            asOf: source.asOf,
            proof: source.proof,
            proofAt: new Date(source.proofAtMs).toISOString(),
            inTarget: source.inTarget,
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
    liveInode: liveInodeRecord(finding),
    accepted: finding.accepted,
    evidence: finding.evidence ?? [],
    ...(finding.bricks === undefined ? {} : { bricks: finding.bricks }),
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

function wholeOrNull(json: Json, key: string): number | null {
  return json[key] === null ? null : whole(json, key);
}

function one<T extends string>(values: readonly T[], json: Json, key: string): T {
  const value = text(json, key);
  const found = values.find((each) => each === value);
  if (found === undefined) throw new Error(`${key} is ${JSON.stringify(value)}`);
  return found;
}

function stateIn(json: Json, key: string): State | null {
  const value = json[key];
  return isObject(value) ? parseState(value) : null;
}

function texts(value: unknown): string[] {
  if (!Array.isArray(value)) throw new Error('not a list');
  return value.map(String);
}

function sourceIn(value: unknown): Source | null {
  if (!isObject(value)) return null;
  return {
    scanId: BigInt(text(value, 'scan')),
    series: text(value, 'series'),
    snapshot: text(value, 'snapshot'),
    // Left out by versions that knew of one host only.
    host: typeof value['host'] === 'string' ? value['host'] : null,
    root: text(value, 'root'),
    path: text(value, 'path'),
    asOf: text(value, 'asOf'),
    state: parseState(value),
    proof: one(['read', 'export'] as const, value, 'proof'),
    proofAtMs: Date.parse(text(value, 'proofAt')),
    // Left out by versions that knew of none.
    inTarget: value['inTarget'] === true,
  };
}

/** Undoes findingRecord. Throws Error with the reason for anything that it would not write. */
export function parseFindingLine(line: string): { readonly finding: Finding; readonly part: Part | null } {
  const json: unknown = JSON.parse(line);
  if (!isObject(json)) throw new Error('not an object');
  const { between, cause, accepted } = json;
  const bricks = bricksIn(json['bricks']);
  const finding: Finding = {
    volume: text(json, 'volume'),
    path: text(json, 'path'),
    kind: one(KINDS, json, 'kind'),
    verdict: one(VERDICTS, json, 'verdict'),
    flags: texts(json['flags']),
    recovery: json['recovery'] === null ? null : one(RECOVERIES, json, 'recovery'),
    source: sourceIn(json['source']),
    expected: stateIn(json, 'expected'),
    expectedAsOf: textOrNull(json, 'expectedAsOf'),
    found: stateIn(json, 'found'),
    between: isObject(between)
      ? { lastSeen: textOrNull(between, 'lastSeen'), firstGone: textOrNull(between, 'firstGone') }
      : null,
    cause: isObject(cause)
      ? { cause: one(['silent', 'person', 'unknown'] as const, cause, 'cause'), signals: texts(cause['signals']) }
      : null,
    movedTo: textOrNull(json, 'movedTo'),
    errno: textOrNull(json, 'errno'),
    below: textOrNull(json, 'below'),
    linkTo: textOrNull(json, 'linkTo'),
    liveInode: liveInodeIn(json),
    accepted: isObject(accepted) ? { reason: text(accepted, 'reason'), atMs: whole(accepted, 'atMs') } : null,
    expectedKey: text(json, 'expectedKey'),
    observedKey: text(json, 'observedKey'),
    evidence: texts(json['evidence']),
    ...(bricks === undefined ? {} : { bricks }),
  };
  // They become paths of lists and of sources: what is no canonical path must not get there.
  decodePath(finding.path);
  if (finding.source !== null) {
    decodePath(finding.source.path);
    decodePath(finding.source.root);
  }
  if (finding.linkTo !== null) decodePath(finding.linkTo);
  return { finding, part: json['part'] === null ? null : one(PARTS, json, 'part') };
}

/** What only an imported list tells of has neither mode, owner nor mtime. */
function parseState(json: Json): State {
  const kind: Kind = one(KINDS, json, 'kind');
  const rdev = textOrNull(json, 'rdev');
  const mode = textOrNull(json, 'mode');
  const mtimeNs = textOrNull(json, 'mtimeNs');
  return {
    kind,
    mode: mode === null ? null : Number.parseInt(mode, 8),
    uid: wholeOrNull(json, 'uid'),
    gid: wholeOrNull(json, 'gid'),
    size: wholeOrNull(json, 'size'),
    mtimeNs: mtimeNs === null ? null : BigInt(mtimeNs),
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
  const source = json['source'];
  return {
    volume: text(json, 'volume'),
    path: text(json, 'path'),
    destination: text(json, 'destination'),
    verdict: text(json, 'verdict'),
    list: text(json, 'list'),
    needs: NEEDS.filter((need) => needs.includes(need)),
    action: one(ACTIONS, json, 'action'),
    recovery: one(['exact', 'older'] as const, json, 'recovery'),
    isRemote: isObject(source) && source['proof'] === 'export',
    linkTo: textOrNull(json, 'linkTo'),
    liveInode: liveInodeIn(json),
    state: parseState(json),
    obstacle: isObject(inTheWay) ? parseState(inTheWay) : null,
    expectedKey: text(json, 'expectedKey'),
    observedKey: text(json, 'observedKey'),
  };
}
