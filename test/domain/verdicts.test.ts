// The one table of classes, and the order of exit codes.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EXIT, worstExit } from '../../domain/exit.ts';
import { FLAG } from '../../domain/judge/flags.ts';
import { exitOfFinding, isKept, VERDICT, VERDICTS } from '../../domain/verdicts.ts';
import { LOSS_RULES } from '../../domain/window/intervals.ts';

test('findings are more urgent than what could not be read, and both give way to failures', () => {
  const worse = [EXIT.interrupted, EXIT.failure, EXIT.guard, EXIT.findings, EXIT.incomplete, EXIT.nothing];
  worse.forEach((code, i) => expect(worstExit(worse.slice(i).toReversed())).toBe(code));
  expect(worstExit([])).toBe(EXIT.nothing);
});

test('what could not be decided is 3, the ordinary course is 0, and everything else is a finding', () => {
  const of = (exit: number) => VERDICTS.filter((verdict) => VERDICT[verdict].exit === exit).toSorted();
  expect(of(EXIT.nothing)).toEqual(['deleted', 'intact', 'modified', 'moved', 'new']);
  expect(of(EXIT.incomplete)).toEqual(['unreadable', 'unsettled', 'unverified']);
  expect(of(EXIT.findings)).toHaveLength(VERDICTS.length - 8);
});

test('what was accepted, and what was restored and waits for the next backup, counts as nothing', () => {
  const lost = { verdict: 'missing', flags: [], accepted: null } as const;
  expect(exitOfFinding(lost)).toBe(EXIT.findings);
  expect(exitOfFinding({ ...lost, accepted: { reason: 'r' } })).toBe(EXIT.nothing);
  const back = { verdict: 'backup-missing', flags: [FLAG.restored], accepted: null } as const;
  expect(exitOfFinding(back)).toBe(EXIT.nothing);
  expect(isKept(back)).toBe(false);
  expect(isKept({ ...back, flags: [] })).toBe(true);
});

test('every verdict says what it means, and what is kept open needs a person', () => {
  for (const verdict of VERDICTS) {
    expect(VERDICT[verdict].meaning).not.toMatch(/window|burst|LKG/);
    if (VERDICT[verdict].isKept) expect(VERDICT[verdict].exit).not.toBe(EXIT.nothing);
  }
});

test('the page on verdicts has a row for each of them, with its exit code, and explains every flag', () => {
  const page = readFileSync(new URL('../../docs/verdicts.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| ([0-9]) \|/gmu)].map(([, verdict, exit]) => [
    verdict,
    Number(exit),
  ]);
  expect(Object.fromEntries(rows)).toEqual(
    Object.fromEntries(VERDICTS.map((verdict) => [verdict, VERDICT[verdict].exit])),
  );
  expect(rows).toHaveLength(VERDICTS.length);
  for (const flag of Object.values(FLAG)) expect(page).toContain(`| \`${flag}\` |`);
  for (const rule of LOSS_RULES) expect(page).toContain(`| \`${rule}\` |`);
});
