// rollcall.yaml, from its bytes to the configuration that it describes, or everything that is wrong with it.
import type { Configuration } from '../../../domain/watch/configuration.ts';
import { checkShape } from './check.ts';
import { crossProblems } from './cross.ts';
import type { LocatedProblem, Problem } from './problem.ts';
import { type Here, readConfiguration } from './read.ts';
import { parseSource } from './source.ts';

export type ParsedConfiguration =
  | { readonly configuration: Configuration; readonly locate: (problem: Problem) => LocatedProblem }
  /** In the order of their lines. */
  | { readonly problems: readonly LocatedProblem[] };

export function parseConfiguration(bytes: Uint8Array, here: Here): ParsedConfiguration {
  const parsed = parseSource(bytes);
  if ('problems' in parsed) return { problems: inOrder(parsed.problems) };
  const { value, locate } = parsed.source;
  const checked = checkShape(value);
  if ('problems' in checked) return { problems: inOrder(checked.problems.map(locate)) };
  const { configuration, problems } = readConfiguration(checked.file, here);
  const found = [...problems, ...crossProblems(configuration)];
  return found.length === 0 ? { configuration, locate } : { problems: inOrder(found.map(locate)) };
}

/** More than a person corrects at once. */
const PROBLEMS_MAX = 50;

function inOrder(problems: readonly LocatedProblem[]): readonly LocatedProblem[] {
  return problems
    .slice(0, PROBLEMS_MAX)
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}
