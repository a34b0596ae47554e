// by-owner/ of a bundle: for each owner of something lost, a list to read and one for a spreadsheet, which can be sent
// on as they are. Pure.
import { fate, isUncertain, probablyByPerson, sizeOf } from '../../domain/picture.ts';
import type { Assessment, Finding, State, Tally } from '../../domain/assessment.ts';
import { iso } from '../../domain/window/timeline.ts';
import { csvLine } from './csv.ts';
import { isAsked, ownerOf, type Selection } from '../../domain/restore/selection.ts';
import { bytes, plural, time, visible } from '../report/wording.ts';

export interface OwnerFile {
  /** Below by-owner/. Made of the uid alone: a user's name may be any text. */
  readonly name: string;
  readonly content: () => Iterable<string>;
}

/** What an owner asks of a file, in the order of the list. */
const OUTCOMES = ['lost for good', 'older version only', 'comes back', 'on request', 'not decided'] as const;
type Outcome = (typeof OUTCOMES)[number];

const MEANING: Readonly<Record<Outcome, string>> = {
  'lost for good': 'No copy is left of these.',
  'older version only': 'Something newer existed of these; the newest copy that is left can be brought back.',
  'comes back': 'A copy of the last good state is left.',
  'on request': 'Probably or perhaps deleted on purpose. A copy is left, and is restored when somebody asks for it.',
  'not decided':
    'These could not be judged, or have a copy that could not be put into a list. Nothing is claimed about them.',
};

interface Owner {
  readonly uid: number | null;
  readonly findings: Map<Outcome, Finding[]>;
}

/**
 * Files of what was asked for, whatever a limit left for a later part; directories are not listed. `inNoList` says why
 * of what has a copy all the same.
 */
export function ownerFiles(
  assessment: Assessment,
  names: ReadonlyMap<number, string>,
  selection: Selection | null,
  inNoList: ReadonlyMap<Finding, string>,
): OwnerFile[] {
  const owners = new Map<number | null, Owner>();
  for (const finding of assessment.findings) {
    const outcome = outcomeOf(finding, inNoList);
    if (outcome === null || (selection !== null && !isAsked(selection, finding))) continue;
    const uid = ownerOf(finding);
    let owner = owners.get(uid);
    if (owner === undefined) owners.set(uid, (owner = { uid, findings: new Map() }));
    const list = owner.findings.get(outcome);
    if (list === undefined) owner.findings.set(outcome, [finding]);
    else list.push(finding);
  }
  if (owners.size === 0) return [];
  const sorted = [...owners.values()].sort((a, b) => (a.uid ?? Infinity) - (b.uid ?? Infinity));
  return [
    { name: 'owners.csv', content: () => index(sorted, names) },
    ...sorted.flatMap((owner) => [
      { name: `${stem(owner)}.txt`, content: () => readable(assessment, owner, names) },
      { name: `${stem(owner)}.csv`, content: () => spreadsheet(owner, inNoList) },
    ]),
  ];
}

function outcomeOf(finding: Finding, inNoList: ReadonlyMap<Finding, string>): Outcome | null {
  if (finding.kind === 'directory') return null;
  switch (fate(finding)) {
    case 'lost':
      return 'lost for good';
    case 'open':
      return 'not decided';
    case 'restorable':
      if (inNoList.has(finding)) return 'not decided';
      if (probablyByPerson(finding) || isUncertain(finding)) return 'on request';
      return finding.recovery === 'older' ? 'older version only' : 'comes back';
    case 'deleted':
    case 'fine':
    case 'moved':
      return null;
  }
}

function stem({ uid }: Owner): string {
  return uid === null ? 'unknown' : String(uid);
}

function tallyOf(findings: readonly Finding[] = []): Tally {
  return { files: findings.length, bytes: findings.reduce((sum, finding) => sum + sizeOf(finding), 0) };
}

/** Null where a list that was imported tells no time. */
function timeOf(state: State | null): string | null {
  return state === null || state.mtimeNs === null ? null : iso(Number(state.mtimeNs / 1_000_000n));
}

/** When the content that is gone was modified last. */
function modified({ expected, found, source }: Finding): string | null {
  const state = expected ?? source?.state ?? found;
  return timeOf(state);
}

function* index(owners: readonly Owner[], names: ReadonlyMap<number, string>): Iterable<string> {
  yield csvLine(['uid', 'name', ...OUTCOMES.flatMap((outcome) => [outcome, `${outcome}, bytes`]), 'list']);
  for (const owner of owners) {
    const counts = OUTCOMES.map((outcome) => tallyOf(owner.findings.get(outcome)));
    const name = owner.uid === null ? null : (names.get(owner.uid) ?? null);
    yield csvLine([owner.uid, name, ...counts.flatMap((each) => [each.files, each.bytes]), `${stem(owner)}.csv`]);
  }
}

function* spreadsheet(owner: Owner, inNoList: ReadonlyMap<Finding, string>): Iterable<string> {
  yield csvLine(['path', 'outcome', 'bytes', 'modified', 'last seen', 'gone by', 'copy from', 'copy modified', 'note']);
  for (const outcome of OUTCOMES) {
    for (const finding of owner.findings.get(outcome) ?? []) {
      const { path, between, source, verdict } = finding;
      const copy = finding.recovery === 'none' ? null : source;
      yield csvLine([
        path,
        outcome,
        sizeOf(finding),
        modified(finding),
        between?.lastSeen ?? null,
        between?.firstGone ?? null,
        copy?.asOf ?? null,
        timeOf(copy?.state ?? null),
        inNoList.get(finding) ?? verdict,
      ]);
    }
  }
}

function* readable(assessment: Assessment, owner: Owner, names: ReadonlyMap<number, string>): Iterable<string> {
  const { uid } = owner;
  const name = uid === null ? undefined : names.get(uid);
  const who = uid === null ? 'an unknown owner' : name === undefined ? `uid ${uid}` : `${visible(name)} (uid ${uid})`;
  const judged = time(iso(assessment.createdMs));
  yield `Files of ${who} on ${visible(assessment.livePath)}, judged ${judged} UTC\n`;
  yield 'With the time of their last modification (UTC) and their size. In a name \\x0a stands for a newline, \\\\ for a backslash.\n';
  for (const outcome of OUTCOMES) {
    const findings = owner.findings.get(outcome);
    if (findings === undefined) continue;
    const { files, bytes: size } = tallyOf(findings);
    yield `\n${outcome.toUpperCase()}: ${plural(files, 'file')}, ${bytes(size)}\n${MEANING[outcome]}\n\n`;
    for (const finding of findings) {
      const at = modified(finding);
      yield `  ${(at === null ? '' : time(at)).padEnd(16)}  ${bytes(sizeOf(finding)).padStart(8)}  ${visible(finding.path)}\n`;
    }
  }
}
