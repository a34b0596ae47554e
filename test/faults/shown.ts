// What a person and a program read of an assessment, and that no name acts on either.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { renderAssessment } from '../../services/report/terminal/assessment.ts';
import { decodePath } from '../../domain/path.ts';
import type { AssessResult } from '../../services/assess.ts';
import { answerJson } from '../../services/report/json.ts';

/** Moves a cursor, ends a line that is none, or turns the direction of writing. */
const ACTS = /(?!\n)[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

export interface Shown {
  /** As on a terminal of 80 columns; each run of blanks is one, so that a test need not know where lines break. */
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export function shown({ assessment, bundle }: AssessResult): Shown {
  const input = bundle?.report ?? null;
  const text = renderAssessment(assessment, input, { width: 80, color: false }).join('\n');
  expect(text).not.toMatch(ACTS);
  const json = JSON.stringify(answerJson(assessment, bundle));
  expect(json).not.toMatch(ACTS);
  return { text: text.replaceAll(/\s+/g, ' '), json: JSON.parse(json) as Shown['json'] };
}

/** The paths of findings.jsonl as bytes in hex, sorted; the texts for people are looked at on the way. */
export function pathsInBundle({ bundle }: AssessResult): string[] {
  if (bundle === null) throw new Error('there is no bundle');
  const read = (name: string): string => readFileSync(join(bundle.directory, name), 'utf8');
  for (const name of ['README.txt', 'report.html', 'findings.jsonl', 'manifest.jsonl'])
    expect(read(name)).not.toMatch(ACTS);
  return read('findings.jsonl')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Buffer.from(decodePath((JSON.parse(line) as { path: string }).path)).toString('hex'))
    .sort();
}
