// A volume of bricks in every state that a crash leaves, under odd names, from the look to the verdicts and the rescue.
// Without the test runner, so that a process of another user can do it, too.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Assessment } from '../../domain/assessment.ts';
import type { UnionClass } from '../../domain/gluster/union.ts';
import { decodePath } from '../../domain/path.ts';
import { assess } from '../../services/assess.ts';
import type { ScanTools } from '../../services/scan/scan-volume.ts';
import { backUpBricks, type Bricks, type BricksWanted, hiddenOn, makeBricks, stateOf } from '../support/bricks.ts';
import { plainRequest } from '../support/request.ts';
import { bytes } from '../support/tree.ts';

type ByState = Readonly<Record<string, readonly string[]>>;

export interface JudgedWorld {
  /** Verdicts of names by their state. */
  readonly told: ByState;
  readonly expected: ByState;
  /** Hidden files on the bricks, before the look and after the rescue. */
  readonly hidden: { readonly before: number; readonly after: number };
  /** All that lies on the bricks is as it was. */
  readonly isAsBefore: boolean;
  readonly rescue: {
    readonly status: number | null;
    readonly stderr: string;
    readonly files: number;
    /** Paths whose copy in the staging directory is not what the brick has. */
    readonly wrong: readonly string[];
  };
}

/** Users see one content of these; that a replica has another, or none, is a finding. */
const CONTRADICTED: readonly string[] = ['a stale replica', 'not on one replica'];

function verdictOf(state: string, its: UnionClass): string {
  if (its === 'internal') return 'missing';
  return its !== 'plain' ? its : CONTRADICTED.includes(state) ? 'misplaced' : 'nothing';
}

/** @param base an empty directory */
export async function judgeWorld(
  tools: ScanTools,
  base: string,
  wanted: BricksWanted,
): Promise<{ readonly world: JudgedWorld; readonly assessment: Assessment }> {
  const place = join(base, 'volume');
  mkdirSync(place);
  const made = makeBricks(place, wanted);
  backUpBricks(made, join(base, 'backup/2026-09-07'));
  const before = { hidden: hiddenOn(made), state: stateOf(made) };
  const assessTools = { ...tools, cwd: base, stateDir: null, program: 'rollcall', owners: new Map(), onPlan: () => {} };
  const live = `gluster:${made.roots.join()}`;
  const { assessment } = await assess(assessTools, plainRequest(live, [`${base}/backup/*`], join(base, 'bundle')));
  const rescue = rescued(made, base);
  const isAsBefore = stateOf(made) === before.state;
  const hidden = { before: before.hidden, after: hiddenOn(made) };
  return { world: { ...byState(made, assessment), hidden, isAsBefore, rescue }, assessment };
}

function byState({ truth, orphans }: Bricks, { findings }: Assessment): Pick<JudgedWorld, 'told' | 'expected'> {
  const found = new Map(findings.map(({ path, verdict }) => [path, verdict]));
  const told: Record<string, Set<string>> = {};
  const expected: Record<string, Set<string>> = {};
  for (const [path, { state, class: is }] of truth) {
    (told[state] ??= new Set()).add(found.get(path) ?? 'nothing');
    (expected[state] ??= new Set()).add(verdictOf(state, is));
  }
  // Their names are in no backup: a crash took them, or somebody deleted the file.
  for (const { name, isUnlinked } of orphans) {
    const state = isUnlinked ? 'deleted while it was open' : 'a lost name';
    (told[state] ??= new Set()).add(found.get(name) ?? 'nothing');
    (expected[state] ??= new Set()).add(isUnlinked ? 'nothing' : 'hidden');
  }
  const listed = (sets: Record<string, Set<string>>): ByState =>
    Object.fromEntries(Object.entries(sets).map(([state, verdicts]) => [state, [...verdicts].sort()]));
  return { told: listed(told), expected: listed(expected) };
}

function rescued({ roots, truth, orphans }: Bricks, base: string): JudgedWorld['rescue'] {
  const staging = join(base, 'staging');
  mkdirSync(staging, { mode: 0o700 });
  const script = join(base, 'bundle/rescue/rescue.sh');
  const { status, stderr } = spawnSync('sh', [script, '--apply', staging], { encoding: 'utf8' });
  const toRescue = [...truth].filter(([, { rescue }]) => rescue.length === 1);
  const wrong = toRescue.flatMap(([path, { rescue }]) => {
    const raw = Buffer.from(decodePath(path));
    const onBrick = readFileSync(bytes(roots[rescue[0] ?? 0] ?? '', '/', raw));
    return readFileSync(bytes(staging, '/files/', raw)).equals(onBrick) ? [] : [path];
  });
  const wrongOrphans = orphans.flatMap(({ name, content, isUnlinked }) => {
    const at = bytes(staging, '/files/', Buffer.from(decodePath(name)));
    return (isUnlinked ? existsSync(at) : !readFileSync(at).equals(content)) ? [name] : [];
  });
  return { status, stderr, files: toRescue.length, wrong: [...wrong, ...wrongOrphans] };
}
