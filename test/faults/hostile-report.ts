// The school's assessment with every word that comes from outside replaced by something that attacks a browser, a
// terminal, a shell or a spreadsheet.
import type { Assessment, Finding, Source } from '../../domain/assessment.ts';
import { encodePath } from '../../domain/path.ts';
import type { ReportInput } from '../../services/report/present.ts';
import { reportInput, school } from '../report/school.ts';

/** Where a page that came alive would go. The long test listens there. */
export const LURE = 'http://127.0.0.1:1';

export function hostileWords(lure = LURE): string[] {
  return [
    '<script>document.title="pwned"</script>',
    `<img src=${lure}/img onerror=document.title="pwned">`,
    `"><svg onload=document.title="pwned"><image href=${lure}/svg>`,
    `' onmouseover='document.title="pwned"' x='`,
    '</title><script>document.title="pwned"</script>',
    '</style><style>*{display:none}</style>',
    '</pre></code></bdi></td></table><h1>ALL IS WELL</h1>',
    '<!-- ',
    '--><script>document.title="pwned"</script>',
    '<![CDATA[',
    `<meta http-equiv=refresh content="0;url=${lure}/meta">`,
    `<base href=${lure}/><link rel=stylesheet href=${lure}/css>`,
    `<iframe src=${lure}/frame></iframe><form action=${lure}/form><input autofocus onfocus=document.title="pwned">`,
    `${lure}/plain-url`,
    'javascript:document.title="pwned"',
    `@import url(${lure}/import);`,
    '&lt;script&gt;document.title="pwned"&lt;/script&gt;',
    '&#60;script&#62;',
    '\\x3cscript\\x3e',
    '\x1b]0;pwned\x07\x1b[2J\x1b[31m',
    '\u009b31m\u009d0;pwned\u009c',
    '\u202egnp.exe\u2066\u2067',
    'new\nline\r\nsecond',
    '\ttab',
    '\u2028\u2029\ufeff',
    "=cmd|' /C calc'!A0",
    '$(touch pwned)`touch pwned`;touch pwned',
    ' both ends ',
    'x'.repeat(255),
    '\ud800',
  ];
}

/**
 * Names come through the file system, so in printable form; words of people and of the operating system may come as
 * they are.
 */
export function hostileAssessment(lure = LURE): Assessment {
  const words = hostileWords(lure);
  let turn = 0;
  const raw = (): string => words[turn++ % words.length] ?? '';
  const name = (): string => encodePath(Buffer.from(raw().replaceAll('/', '\u2215')));
  const path = (old: string): string =>
    old
      .split('/')
      .map((part, index, all) => (index === all.length - 1 ? name() : part))
      .join('/');
  const sourceOf = (source: Source): Source => ({
    ...source,
    series: raw(),
    snapshot: name(),
    root: `/backup/${name()}`,
    path: path(source.path),
  });
  const findingOf = (finding: Finding): Finding => ({
    ...finding,
    path: path(finding.path),
    flags: [...finding.flags, raw()],
    source: finding.source === null ? null : sourceOf(finding.source),
    cause: finding.cause === null ? null : { ...finding.cause, signals: [raw(), raw()] },
    movedTo: finding.movedTo === null ? null : path(finding.movedTo),
    errno: finding.errno === null ? null : raw(),
    below: finding.below === null ? null : name(),
    linkTo: finding.linkTo === null ? null : path(finding.linkTo),
    accepted: finding.accepted === null ? null : { ...finding.accepted, reason: raw() },
    evidence: [raw()],
  });
  const story = school();
  return {
    ...story,
    volume: raw(),
    livePath: `/srv/${words
      .slice(0, 8)
      .map((word) => encodePath(Buffer.from(word.replaceAll('/', '\u2215'))))
      .join('/')}`,
    series: [...story.series, ...words.map(() => story.series[0]).filter((series) => series !== undefined)].map(
      (series) => ({ ...series, name: raw(), pattern: raw(), newest: name() }),
    ),
    timeline: story.timeline.map((interval) => ({
      ...interval,
      series: words[0] ?? '',
      fromName: name(),
      toName: name(),
    })),
    // One of each kind stands under a class of its own; then every word once as a name.
    findings: [
      ...story.findings,
      ...words.flatMap(() => story.findings.filter(({ verdict }) => verdict === 'missing').slice(0, 1)),
    ].map(findingOf),
    incomplete: words,
    conditions: words.map((text) => ({ code: 'hostile', text })),
  };
}

export function hostileInput(assessment: Assessment, lure = LURE): ReportInput {
  const words = hostileWords(lure);
  return reportInput({
    bundle: encodePath(Buffer.from(`/root/${words.slice(0, 5).join('').replaceAll('/', '')}`)),
    target: assessment.livePath,
    lists: words.map((word) => ({
      file: 'lists/01-missing.files0',
      kind: 'missing' as const,
      needs: [],
      snapshot: encodePath(Buffer.from(word.replaceAll('/', '\u2215'))),
      inTarget: false,
      asOf: '2025-11-20T03:00:00.000Z',
      files: 1,
      bytes: 1,
    })),
    owners: new Map(
      assessment.findings.flatMap(({ expected }, i) =>
        expected === null || expected.uid === null ? [] : [[expected.uid, words[i % words.length] ?? '']],
      ),
    ),
  });
}
