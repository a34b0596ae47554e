// What an assessment answered, as tests say it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Assessment, Finding, Recovery, Tally } from '../../domain/assessment.ts';
import { encodePath } from '../../domain/path.ts';
import { VERDICTS, type Verdict } from '../../domain/verdicts.ts';
import type { AssessResult } from '../../services/assess.ts';

/** Path → verdict of every finding. */
export function verdicts(assessment: Assessment): Record<string, string> {
  return Object.fromEntries(assessment.findings.map((finding) => [finding.path, finding.verdict]));
}

export function findingAt(assessment: Assessment, path: string): Finding {
  const finding = assessment.findings.find((one) => one.path === path);
  if (finding === undefined) throw new Error(`no finding for ${path}`);
  return finding;
}

/** Classes that hold anything: files by verdict. */
export function classes(assessment: Assessment): Record<string, number> {
  return Object.fromEntries(
    Object.entries(assessment.verdicts).flatMap(([verdict, { files }]) => (files > 0 ? [[verdict, files]] : [])),
  );
}

export interface Report {
  readonly exit: number;
  readonly window: string;
  readonly intervals: readonly string[];
  readonly universe: string;
  readonly verdicts: Partial<Record<Verdict, number>>;
  readonly directories: Partial<Record<Verdict, number>>;
  readonly recovery: Partial<Record<Recovery, number>>;
  /** By path: verdict, recovery, source, cause, flags. */
  readonly findings: Readonly<Record<string, string>>;
  /** Every list of the bundle with its paths; null without a bundle. */
  readonly lists: Readonly<Record<string, readonly string[]>> | null;
  readonly incomplete: readonly string[];
}

/**
 * What a test says of an assessment: everything, as short as it can be said.
 * @param short what a snapshot is called for it
 */
export function reportIn({ assessment, bundle, exit }: AssessResult, short: (snapshot: string) => string): Report {
  const { window, universe } = assessment;
  const report: Report = {
    exit,
    window: window.reason,
    intervals: window.intervals.map(({ fromName, toName }) => `${short(fromName)} to ${short(toName)}`),
    universe: `${universe.paths} files, ${universe.directories} directories`,
    verdicts: some(assessment.verdicts),
    directories: Object.fromEntries(Object.entries(assessment.directories).filter(([, count]) => count > 0)),
    recovery: some(assessment.recovery),
    findings: Object.fromEntries(assessment.findings.map((finding) => [finding.path, sentence(finding, short)])),
    lists: bundle === null ? null : listsOf(bundle.directory, short),
    incomplete: assessment.incomplete,
  };
  checkSums(assessment);
  return report;
}

/** A report that says nothing but what is given, of a furnished house with one more directory. */
export function reportOf(given: Partial<Report>): Report {
  return {
    exit: 1,
    window: 'no burst',
    intervals: [],
    universe: '',
    verdicts: {},
    directories: { intact: 5 },
    recovery: {},
    findings: {},
    lists: null,
    incomplete: [],
    ...given,
  };
}

function some(tallies: Readonly<Record<string, Tally>>): Record<string, number> {
  return Object.fromEntries(Object.entries(tallies).flatMap(([name, { files }]) => (files > 0 ? [[name, files]] : [])));
}

function sentence(finding: Finding, short: (snapshot: string) => string): string {
  const { verdict, recovery, source, cause, flags, movedTo, errno, below, linkTo, path } = finding;
  return [
    verdict,
    recovery,
    source === null ? null : `from ${short(source.snapshot)}`,
    source === null || source.path === path ? null : `as ${source.path}`,
    linkTo === null ? null : `link to ${linkTo}`,
    movedTo === null ? null : `to ${movedTo}`,
    errno,
    below === null ? null : `below ${below}`,
    cause === null ? null : cause.cause,
    ...flags.map((flag) => `(${flag})`),
  ]
    .filter((part) => part !== null)
    .join(' ');
}

/** The lists that rsync and restore.sh take, by what they are called and where they take from. */
function listsOf(bundle: string, short: (snapshot: string) => string): Record<string, string[]> {
  const directory = join(bundle, 'lists');
  const lists: Record<string, string[]> = {};
  const roots = new Map<string, string>();
  for (const name of readdirSync(directory)) {
    if (!name.endsWith('.root0')) continue;
    const [root = ''] = readFileSync(join(directory, name), 'utf8').split('\0');
    roots.set(name.slice(0, name.indexOf('.')), short(root.slice(root.lastIndexOf('/') + 1)));
  }
  const fields: Record<string, number> = { files0: 1, dirs0: 1, links0: 8, pairs0: 7 };
  for (const name of readdirSync(directory).sort()) {
    const [, nn = '', rest = '', type = ''] = /^(\d+)-?(.*)\.(files0|dirs0|links0|pairs0)$/.exec(name) ?? [];
    const every = fields[type];
    if (every === undefined) continue;
    const entries = readFileSync(join(directory, name), 'latin1').split('\0').slice(0, -1);
    lists[`${roots.get(nn)} ${rest === '' ? '' : `${rest}.`}${type.slice(0, -1)}`] = entries
      .filter((_, i) => i % every === (type === 'pairs0' ? 2 : 0))
      .map((entry) => encodePath(Buffer.from(entry, 'latin1')));
  }
  const left = readFileSync(join(bundle, 'lost.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  if (left.length > 0) lists['lost'] = left.map((line) => (JSON.parse(line) as { path: string }).path);
  return lists;
}

/** docs/design.md#rule-7: every path is in exactly one class, and what stands in the findings is what was counted. */
export function checkSums({ universe, verdicts, directories, recovery, findings }: AssessResult['assessment']): void {
  const count = (of: (finding: Finding) => boolean): number => findings.filter(of).length;
  const isDirectory = (finding: Finding): boolean => finding.kind === 'directory';
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  expect(sum(VERDICTS.map((verdict) => verdicts[verdict].files))).toBe(universe.paths);
  expect(sum(VERDICTS.map((verdict) => directories[verdict]))).toBe(universe.directories);
  for (const verdict of VERDICTS) {
    if (verdict === 'intact') continue;
    expect(
      count((f) => f.verdict === verdict && !isDirectory(f)),
      verdict,
    ).toBe(verdicts[verdict].files);
    expect(
      count((f) => f.verdict === verdict && isDirectory(f)),
      verdict,
    ).toBe(directories[verdict]);
  }
  for (const one of ['exact', 'older', 'none'] as const)
    expect(
      count((f) => f.recovery === one && !isDirectory(f)),
      one,
    ).toBe(recovery[one].files);
  expect(new Set(findings.map(({ path }) => path)).size).toBe(findings.length);
  for (const finding of findings)
    expect(finding.source === null || finding.recovery !== 'none', finding.path).toBe(true);
}
