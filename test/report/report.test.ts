// What a person reads at three in the morning: the page, the README, the terminal text and the JSON of one assessment.
import { fate, picture } from '../../domain/picture.ts';
import { describe, expect, test } from 'vitest';
import { renderAssessment } from '../../services/report/terminal/assessment.ts';
import { RECOVERIES } from '../../domain/assessment.ts';
import { VERDICTS } from '../../domain/verdicts.ts';
import { FLAG } from '../../domain/judge/flags.ts';
import { encodeText } from '../../domain/path.ts';
import { changeBits } from '../../domain/assessment-json.ts';
import { answerJson } from '../../services/report/json.ts';
import { byOwner, bySize, byTopDirectory, losses, moves } from '../../services/report/present.ts';
import { renderReadme } from '../../services/report/readme.ts';
import { escape, name } from '../../services/report/page/html.ts';
import { LIST_MAX } from '../../services/report/page/lists.ts';
import { renderReport } from '../../services/report/page/report.ts';
import {
  bundleFacts,
  CREATED_MS,
  finding,
  intervals,
  reportInput,
  school,
  sourceOf,
  state,
  withTallies,
} from './school.ts';
import { fc } from '../support/random.ts';

const runs = { numRuns: 200 };

const terminal = { width: 80, color: false };
const story = school();

function quietSchool(deleted: number) {
  const findings = Array.from({ length: deleted }, (_, i) =>
    finding(`pupils/old ${i}.txt`, 'deleted', {
      expected: state(),
      between: { lastSeen: `2025-11-1${i % 5}T03:00:00.000Z`, firstGone: '2025-11-16T03:00:00.000Z' },
    }),
  );
  return withTallies(
    findings,
    { ...story, incomplete: [], conditions: [], timeline: intervals(7, 0) },
    { files: 600, bytes: 9_000_000 },
  );
}

/** Undoes escape() and name(): what a browser shows of them. */
function shown(html: string): string {
  return html
    .replace(/<[^>]*>/g, '')
    .replaceAll('\u2423', ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}

const anyName = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 60 })
  .filter((text) => !/[\ufffd\u2423\ufeff\p{Cs}]/u.test(text) && !text.includes('\0'))
  .map(encodeText);

describe('the five fates', () => {
  const anyFinding = fc
    .record({
      verdict: fc.constantFrom(...VERDICTS.filter((verdict) => verdict !== 'intact')),
      recovery: fc.option(fc.constantFrom(...RECOVERIES), { nil: null }),
      kind: fc.constantFrom('file' as const, 'directory' as const, 'symlink' as const),
      size: fc.nat(1e9),
      side: fc.boolean(),
      accepted: fc.boolean(),
      person: fc.boolean(),
    })
    .map((its) =>
      finding('a/b', its.verdict, {
        kind: its.kind,
        recovery: its.recovery,
        expected: state({ kind: its.kind, size: its.kind === 'file' ? its.size : null }),
        flags: its.side ? ['side unknown'] : [],
        accepted: its.accepted ? { reason: 'r', atMs: 1 } : null,
        cause: its.person ? { cause: 'person', signals: [] } : null,
      }),
    );

  test('lost, restorable, fine, open, deleted and moved add up to the universe, in files and in bytes', () => {
    fc.assert(
      fc.property(fc.array(anyFinding, { maxLength: 60 }), fc.nat(1000), (findings, intact) => {
        const assessment = withTallies(findings, story, { files: intact, bytes: intact * 10 });
        const seen = picture(assessment);
        const parts = [seen.lost, seen.restorable, seen.fine, seen.open, seen.deleted, seen.moved];
        expect(parts.reduce((sum, part) => sum + part.files, 0)).toBe(assessment.universe.paths);
        const all = Object.values(assessment.verdicts).reduce((sum, tally) => sum + tally.bytes, 0);
        expect(parts.reduce((sum, part) => sum + part.bytes, 0)).toBe(all);
        expect(seen.fine.files).toBe(
          intact + findings.filter((each) => each.kind !== 'directory' && fate(each) === 'fine').length,
        );
        for (const groups of [
          byTopDirectory(losses(assessment)),
          byOwner(losses(assessment), new Map()),
          bySize(losses(assessment)),
        ]) {
          expect(groups.reduce((sum, each) => sum + each.files, 0)).toBe(seen.lost.files + seen.restorable.files);
        }
      }),
      runs,
    );
  });

  test('a path that could not be read is neither lost nor fine, even without a copy', () => {
    expect(fate(finding('a', 'unreadable', { recovery: 'none' }))).toBe('open');
    expect(fate(finding('a', 'unverified'))).toBe('open');
  });

  test('what stands in a snapshot that this user may not read is not lost for good', () => {
    expect(fate(finding('a', 'missing', { recovery: 'none', flags: [FLAG.sourceUnreadable] }))).toBe('open');
    expect(fate(finding('a', 'missing', { recovery: 'none' }))).toBe('lost');
  });

  test('a moved file is counted once as fine, under its new name', () => {
    expect(fate(finding('a', 'moved'))).toBe('moved');
  });

  test('two copies that differ with the side unknown are not promised to come back', () => {
    expect(fate(finding('a', 'corrupt', { recovery: 'exact', flags: ['side unknown'] }))).toBe('open');
  });

  test('losses that all lie below one directory are told apart one level deeper', () => {
    const some = ['home/anna/x', 'home/anna/deep/y', 'home/ben/z'].map((path) =>
      finding(path, 'missing', { expected: state() }),
    );
    expect(byTopDirectory(some).map((group) => [group.label, group.files])).toEqual([
      ['home/anna/', 2],
      ['home/ben/', 1],
    ]);
  });

  test('a moved directory is one line, a renamed file its own', () => {
    const moved = [
      finding('a/x/1', 'moved', { movedTo: 'b/c/x/1' }),
      finding('a/x/2', 'moved', { movedTo: 'b/c/x/2' }),
      finding('a/y', 'moved', { movedTo: 'a/z' }),
    ];
    expect(moves(withTallies(moved, story, { files: 0, bytes: 0 }))).toEqual([
      { from: 'a/', to: 'b/c/', files: 2 },
      { from: 'a/y', to: 'a/z', files: 1 },
    ]);
  });
});

describe('report.html', () => {
  const page = renderReport(story, reportInput());

  test('it opens with what to stop, then the three numbers, then what to type', () => {
    const at = (text: string): number => {
      const found = page.indexOf(text);
      expect(found, text).toBeGreaterThan(0);
      return found;
    };
    const order = [
      at('This assessment is incomplete:'),
      at('First stop the nightly backup job'),
      at('>lost for good<'),
      at('>restorable<'),
      at('>still fine<'),
      at('The restore needs'),
      at('restore the files'),
      at('<svg'),
      at('Every path is in one class'),
      at('Lost for good: 5'),
      at('Method and limits'),
    ];
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(page).toContain('<span class="v">216</span>');
  });

  test('it stands alone: no script, nothing fetched, and a policy that forbids both', () => {
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'`);
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\bsrc=|\bhref=|@import|url\(|\son[a-z]+=/i);
    expect(page).not.toMatch(/https?:/);
  });

  test('a name that is markup stays text', () => {
    expect(page).toContain('&lt;script&gt;alert(1)&lt;');
    expect(page).not.toContain('<script');
  });

  test('any name is shown whole, cannot leave its element, and cannot turn the text around it', () => {
    fc.assert(
      fc.property(anyName, (printable) => {
        const html = name(printable);
        expect(html.startsWith('<bdi class="name">')).toBe(true);
        expect(html.replace(/<\/?(bdi|wbr|span)( class="(name|sp)")?>/g, '')).not.toMatch(/[<>"']/);
        expect(shown(html)).toBe(printable);
      }),
      runs,
    );
  });

  test('text that did not come in printable form is made harmless all the same', () => {
    expect(escape('a\u001b[2Jb\u202ec\n<')).toBe('a\\x1b[2Jb\\xe2\\x80\\xaec\\x0a&lt;');
  });

  test('every list is bounded and says how many more there are, and in which file', () => {
    const many = Array.from({ length: LIST_MAX + 37 }, (_, i) =>
      finding(`d/${i}`, 'missing', { expected: state(), recovery: 'exact', source: sourceOf(1, `d/${i}`, state()) }),
    );
    const long = renderReport(withTallies(many, story, { files: 1, bytes: 1 }), reportInput());
    expect(long).toContain('37 more lines, not printed: all of them are in <code>findings.jsonl</code>');
    expect(long.match(/<tr><td><bdi class="name">d\/<wbr>\d/g)?.length).toBe(LIST_MAX);
  });

  test('the verdict table ends in the universe', () => {
    const foot = page.slice(page.indexOf('<tfoot>'));
    expect(foot).toContain('184,557');
    expect(Object.values(story.verdicts).reduce((sum, tally) => sum + tally.files, 0)).toBe(184_557);
  });

  test('a target that is too small is said before the restore is started', () => {
    const tight = renderReport(story, reportInput({ free: { bytes: 1000, inodes: null } }));
    expect(tight).toContain('That is not enough');
    expect(page).not.toContain('That is not enough');
  });

  test('with nothing lost there is nothing to stop', () => {
    expect(renderReport(quietSchool(3), reportInput({ lists: [], directories: 0, links: 0 }))).not.toContain(
      'First stop',
    );
  });
});

describe('README.txt', () => {
  const text = renderReadme(story, reportInput());

  test('it tells what to stop, how to apply, and what stays away, in that order', () => {
    const order = [
      'THE ASSESSMENT IS INCOMPLETE',
      'First stop',
      'How to apply it',
      '--apply',
      'verify',
      'What is not restored',
    ].map((part) => text.indexOf(part));
    expect(order.every((at) => at > 0)).toBe(true);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  test('its lines fit a terminal, except commands, and its own words are ASCII', () => {
    for (const line of text.split('\n')) {
      expect(line).toMatch(/^[ -~]*$/);
      if (!line.startsWith('     ')) expect(line.length).toBeLessThanOrEqual(78);
    }
  });

  test('its commands work from within the bundle, wherever it has been moved to', () => {
    expect(text).toContain('sh ./restore.sh --apply --damaged --older /srv/school');
  });

  test('a hostile name of a volume or snapshot never reaches a terminal raw', () => {
    const hostile = { ...story, livePath: '/srv/\u001b]0;x\u0007', incomplete: ['a\nb\u202e'] };
    const lists = reportInput().lists.map((list) => ({ ...list, snapshot: 'daily\u001b[31m' }));
    const page = renderReadme(hostile, reportInput({ lists, target: hostile.livePath }));
    expect(page).not.toMatch(/[^\n\P{Cc}]|\u202e/u);
  });
});

describe('the terminal text of assess', () => {
  test('it fits one screen and ends with the command to run next', () => {
    const lines = renderAssessment(story, reportInput(), terminal);
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(lines.at(-1)).toBe('  sh ./rollcall-20251122T031240Z/restore.sh --damaged --older /srv/school');
    expect(lines.slice(0, -3).every((line) => line.length <= 80)).toBe(true);
    expect(lines.join('\n')).toContain('STOP the nightly backup job');
  });

  test('the first lines carry the same numbers as the report', () => {
    const text = renderAssessment(story, reportInput(), terminal).join('\n');
    expect(text).toMatch(/lost for good +5 files/);
    expect(text).toMatch(/restorable +216 files/);
    expect(text).toMatch(/still fine +184,283 files/);
  });

  test('with nothing to report it says so in two lines', () => {
    const lines = renderAssessment(quietSchool(0), null, terminal);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('Nothing to report: 600 files');
  });

  test('quiet deletions are counted with the --since that would include them, also when all else is well', () => {
    expect(renderAssessment(story, reportInput(), terminal).join('\n')).toContain('--since 2025-11-13T03:00:00Z');
    expect(renderAssessment(quietSchool(12), null, { width: 200, color: false })[1]).toContain(
      '12 files (579 kB) deleted: treated as ordinary deletions; use --since 2025-11-10T03:00:00Z',
    );
  });

  test('incomplete is never "nothing to report"', () => {
    const lines = renderAssessment({ ...quietSchool(0), incomplete: ['x could not be listed (EIO)'] }, null, terminal);
    expect(lines.join('\n')).toContain('INCOMPLETE: x could not be listed (EIO)');
    expect(lines.join('\n')).not.toContain('Nothing to report');
  });

  test('many bad things still fit one screen', () => {
    const text = 'a long story that wraps over the width of a terminal because somebody had much to say about it';
    const bad = {
      ...story,
      incomplete: Array.from({ length: 500 }, () => text),
      conditions: Array.from({ length: 50 }, () => ({ code: 'x', text })),
    };
    expect(renderAssessment(bad, reportInput(), terminal).length).toBeLessThanOrEqual(44);
  });

  test('no colour code is printed unless asked for', () => {
    expect(renderAssessment(story, reportInput(), terminal).join('')).not.toContain('\u001b');
    expect(renderAssessment(story, reportInput(), { width: 80, color: true }).join('')).toContain('\u001b[31m');
  });
});

test('where all that comes back was probably deleted by a person, page, README and terminal name the command', () => {
  const byPerson = finding('a', 'missing', {
    expected: state(),
    recovery: 'exact',
    cause: { cause: 'person', signals: [] },
    source: sourceOf(1, 'a', state()),
  });
  const assessment = withTallies([byPerson], { ...story, incomplete: ['backup: a is away.'] }, { files: 1, bytes: 1 });
  const input = reportInput({ lists: [], directories: 0, links: 0 });
  const page = shown(renderReport(assessment, input));
  expect(page).toContain('sh ./rollcall-20251122T031240Z/restore.sh --person-deleted /srv/school');
  expect(page).toContain('a is away.');
  expect(page).not.toContain('a is away..');
  expect(renderReadme(assessment, input)).toContain('sh ./restore.sh --person-deleted /srv/school');
  expect(renderAssessment(assessment, input, terminal).at(-1)).toContain('--person-deleted /srv/school');
});

describe('assess --json', () => {
  test('it is one object with the promised keys, and JSON takes it', () => {
    const json = JSON.parse(JSON.stringify(answerJson(story, bundleFacts()))) as Record<string, unknown>;
    for (const key of [
      'window',
      'timeline',
      'universe',
      'verdicts',
      'recovery',
      'incomplete',
      'conditions',
      'bundle',
    ]) {
      expect(json).toHaveProperty(key);
    }
    expect(json).toMatchObject({
      live: { path: '/srv/school', scan: '4211' },
      universe: { files: 184_557 },
      verdicts: { missing: { files: 219, directories: 1 } },
      summary: { lost_for_good: { files: 5 }, restorable: { files: 216 }, still_fine: { files: 184_283 } },
      bundle: { path: './rollcall-20251122T031240Z', needed: { inodes: 209 } },
    });
    expect(Object.keys(json['verdicts'] as object)).toEqual([...VERDICTS]);
  });

  test('without a bundle it says null', () => {
    expect(answerJson(quietSchool(0), null)).toMatchObject({ bundle: null, nothing_to_report: true, changes: 0 });
  });

  test('the bits are those that users of AIDE know', () => {
    const of = (verdict: 'new' | 'missing' | 'corrupt' | 'moved'): number =>
      changeBits(withTallies([finding('a', verdict)], story, { files: 0, bytes: 0 }));
    expect([of('new'), of('missing'), of('corrupt'), of('moved')]).toEqual([1, 2, 4, 3]);
  });
});

test('the same assessment gives the same page, so that two prints can be compared', () => {
  expect(renderReport(school(), reportInput())).toBe(renderReport(school(), reportInput()));
  expect(CREATED_MS).toBe(story.createdMs);
});
