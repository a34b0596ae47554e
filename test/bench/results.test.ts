// What the benchmark writes: nothing that was not measured looks like a figure.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BARS, outcomeOf } from '../../bench/bars.ts';
import type { Entry } from '../../bench/entry.ts';
import { rate, ratio } from '../../bench/figures.ts';
import { record } from '../../bench/results.ts';
import type { Measurement, Row } from '../../bench/runs.ts';
import { WORKLOADS } from '../../bench/workloads.ts';

let directory = '';
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'rollcall-bench-results-'))));
afterEach(() => rmSync(directory, { recursive: true }));

function row(name: string, seconds: readonly number[], trouble: string | null = null): Row {
  return { name, seconds, peakBytes: 1_000_000, trouble };
}

function first(...rows: Row[]): Measurement {
  return { what: 'first', rows };
}

function small(quick: boolean, measurement: Measurement): Entry {
  return {
    workload: 'small',
    occasion: {
      date: '2026-11-30 01:00',
      quick,
      rounds: 3,
      fileSystem: 'tmpfs',
      load: [0, 1],
      machine: { processor: 'one', cores: 2, memoryBytes: 1e9, kernel: 'Linux', virtual: null },
      versions: { rollcall: '0.1.0', node: 'v20', postgres: '18', peers: { rsync: 'rsync 3', bfs: null } },
    },
    findings: {
      about: '100000 files a side',
      measurements: [measurement],
      figures: [ratio('first-small', measurement, 'rsync -rnc')],
      notes: [],
    },
    trouble: null,
  };
}

function lineOf(what: string): string {
  return readPage().find((line) => line.includes(what)) ?? '';
}

function readPage(): string[] {
  return readFileSync(join(directory, 'RESULTS.md'), 'utf8').split('\n');
}

describe('figures', () => {
  it('takes ratios pair by pair, so that a slow minute that hits both sides counts for neither', () => {
    const measurement = first(row('rollcall', [1, 10, 3]), row('rsync -rnc', [1, 10, 2]));
    expect(ratio('first-small', measurement, 'rsync -rnc')).toEqual({ bar: 'first-small', value: 1, why: null });
    const large = first(row('rollcall', [5]), row('xxhsum', [2]), row('one file', [1]));
    expect(rate('large', large, 'xxhsum', 'one file').value).toBe(0.5);
  });

  it('has no value where either side failed, and says why', () => {
    const measurement = first(row('rollcall', [1]), row('rsync -rnc', [], 'exit code 23: some files vanished'));
    expect(ratio('first-small', measurement, 'rsync -rnc')).toEqual({
      bar: 'first-small',
      value: null,
      why: 'rsync -rnc: exit code 23: some files vanished',
    });
  });

  it('holds a rate against its bar the other way round', () => {
    expect([0.96, 0.85, 0.7].map((value) => outcomeOf(BARS.large, value))).toEqual(['aim met', 'must met', 'missed']);
    expect([1.2, 1.3, 1.6].map((value) => outcomeOf(BARS['first-small'], value))).toEqual([
      'aim met',
      'must met',
      'missed',
    ]);
  });
});

describe('the page', () => {
  it('judges a full run, and no quick one', () => {
    const measurement = first(row('rollcall', [3]), row('rsync -rnc', [1]));
    record(directory, small(true, measurement));
    expect(lineOf('first assess, 100,000')).toContain('| 3.00 × | 1.50 × | 1.20 × | quick: not judged |');
    record(directory, small(false, measurement));
    expect(lineOf('first assess, 100,000')).toContain('| 3.00 × | 1.50 × | 1.20 × | **missed** |');
  });

  it('keeps a full run when a quick one comes after it', () => {
    const full = small(false, first(row('rollcall', [1]), row('rsync -rnc', [1])));
    expect(record(directory, full)).toBe(true);
    expect(record(directory, small(true, first(row('rollcall', [9]), row('rsync -rnc', [1]))))).toBe(false);
    expect(lineOf('first assess, 100,000')).toContain('| 1.00 × |');
    expect(JSON.parse(readFileSync(join(directory, 'results.json'), 'utf8'))).toEqual([full]);
  });

  it('says of each side that failed how it failed, of what is missing that it is, and of other bars that nothing was measured', () => {
    record(
      directory,
      small(false, first(row('rollcall', [], 'exit code 3: it is incomplete'), row('rsync -rnc', [1]))),
    );
    expect(readPage().filter((line) => line.includes('exit code 3: it is incomplete'))).toHaveLength(2);
    expect(lineOf('first assess, 100,000')).toContain('| – |');
    expect(lineOf('judging 10 M')).toContain('not measured yet');
    expect(readPage()).toContain('- missing: bfs');
  });

  it('has one workload for each bar', () => {
    expect(WORKLOADS.flatMap(({ bars }) => bars).sort()).toEqual(Object.keys(BARS).sort());
  });
});
