// Hostile names and words in everything that people read: the page, the README, the terminal and JSON. The script that
// restores is in bundle.long.ts.
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { renderAssessment } from '../../services/report/terminal/assessment.ts';
import { answerJson } from '../../services/report/json.ts';
import { restoreSteps } from '../../services/report/commands.ts';
import { findingRecord } from '../../services/bundle/manifest.ts';
import { renderReadme } from '../../services/report/readme.ts';
import { renderReport } from '../../services/report/page/report.ts';
import { inertJson } from '../../services/report/wording.ts';
import { hostileAssessment, hostileInput } from './hostile-report.ts';
import { bundleFacts } from '../report/school.ts';

const assessment = hostileAssessment();
const input = { ...hostileInput(assessment), program: 'rollcall' };
/** Whatever moves a cursor, ends a line, turns the direction of writing or is no character. */
const ACTIVE = /[^\n\P{Cc}]|[\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

const DIRECTION = /[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

const ELEMENTS =
  'b bdi body br code div figcaption figure g h1 h2 h3 head html i li line meta ol p path pre rect section span style svg table tbody td text tfoot th thead title tr ul wbr !DOCTYPE'.split(
    ' ',
  );
const ATTRIBUTES =
  '/ aria-label charset class colspan content d data-l dy height http-equiv lang name role rx scope style text-anchor viewBox width x x1 x2 y y1 y2'.split(
    ' ',
  );

function withoutColour(line: string): string {
  const [first = '', ...rest] = line.split('\u001b');
  return [first, ...rest.map((piece) => piece.replace(/^\[[\d;]*m/, ''))].join('');
}

describe('hostile names and words', () => {
  test('are no markup in the page: only elements and attributes of our own stand there', () => {
    const page = renderReport(assessment, input);
    const tags = page.match(/<\/?!?[^\s<>]*(?:[^<>"]|"[^"]*")*>/g) ?? [];
    // Every '<' opens one of these.
    expect(page.replace(/<style>[^<]*<\/style>/, '').match(/</g)?.length).toBe(
      tags.filter((tag) => !/^<\/?style>$/.test(tag)).length,
    );
    for (const tag of tags) {
      const [, element = '', rest = ''] = /^<\/?(!?[^\s<>]*)(.*)>$/s.exec(tag) ?? [];
      expect(ELEMENTS).toContain(element);
      for (const [, attribute = '', value = ''] of rest.matchAll(/([^\s"=]+)(?:="([^"]*)")?/g)) {
        if (element === '!DOCTYPE') continue;
        expect([tag, ATTRIBUTES.includes(attribute)]).toEqual([tag, true]);
        expect(value).not.toMatch(/<|>|url\(/);
      }
    }
    expect(page).not.toMatch(ACTIVE);
    expect(page.match(/ALL IS WELL/g)?.length).toBeGreaterThan(3);
  });

  test('act on no terminal, in README.txt and in what assess prints', () => {
    for (const color of [false, true]) {
      for (const line of renderAssessment(assessment, input, { width: 80, color })) {
        // Our own colours are no way in: without colour there is no escape at all.
        expect(`${color ? withoutColour(line) : line} `).not.toMatch(/\p{Cc}/u);
        expect(line).not.toMatch(DIRECTION);
      }
    }
    expect(renderReadme(assessment, input)).not.toMatch(ACTIVE);
  });

  test('are one line of JSON each, which acts on no terminal and which every parser reads back', () => {
    for (const finding of assessment.findings) {
      const line = inertJson(JSON.stringify(findingRecord(finding, { restore: null, needs: [], part: null })));
      expect(line).not.toMatch(/[\p{Cc}\p{Cs}]/u);
      expect(line).not.toMatch(DIRECTION);
      expect(JSON.parse(line)).toMatchObject({ path: finding.path, flags: finding.flags, accepted: finding.accepted });
    }
    const whole = inertJson(JSON.stringify(answerJson(assessment, bundleFacts(input))));
    expect(whole).not.toMatch(/[\p{Cc}\p{Cs}]/u);
    expect(whole).not.toMatch(DIRECTION);
  });

  test('run nothing when the printed commands are pasted into a shell', () => {
    const steps = restoreSteps(input);
    expect(steps.length).toBeGreaterThan(2);
    for (const { command } of steps) {
      const words = execFileSync(
        'sh',
        ['-c', `sh() { printf '%s\\0' "$@"; }; rollcall() { printf '%s\\0' "$@"; }\n${command}`],
        {
          encoding: 'utf8',
          cwd: '/nonexistent'.slice(0, 1),
        },
      );
      // Option words, bundle and target: nothing was split, expanded or run.
      expect(words.split('\0').filter((word) => word.includes('script>')).length).toBe(2);
      expect(words).not.toContain('pwned\n');
    }
  });
});
