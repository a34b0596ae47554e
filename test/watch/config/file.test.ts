// rollcall.yaml as people write it: what it means, and what is said of each thing that is wrong, with its line.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { secretSource } from '../../../domain/watch/secret.ts';
import { SCHEMA } from '../../../services/watch/config/schema.ts';
import { configurationText } from '../../../services/watch/config/text.ts';
import { notesOf } from '../../../services/watch/config/notes.ts';
import { differences } from '../../../services/watch/config/difference.ts';
import { configuration, parsed, problems, small } from './school.ts';

const EXAMPLE = readFileSync(new URL('../../../rollcall.example.yaml', import.meta.url), 'utf8');

test('what is left out is filled in: the host, the zone, schedules, grace, and everybody is told', () => {
  const hooks =
    'hooks:\n  chat: { type: webhook, url: "https://chat.school.example/in" }\n  dead: { type: ping, url: "https://hc.example/1" }\n';
  expect(configuration(small(hooks))).toEqual({
    timeZone: 'Europe/Berlin',
    bundles: null,
    volumes: [
      {
        name: 'school',
        host: 'files',
        path: '/srv/school',
        layout: 'tree',
        backups: ['nightly'],
        excludes: [],
        crossMounts: false,
        notGluster: false,
        bricksRescued: false,
        quick: { everyMs: 86_400_000, window: null },
        scrub: null,
        blindAfterMs: null,
        pings: [],
      },
    ],
    backups: [
      {
        name: 'nightly',
        host: 'vault',
        pattern: '/backup/*/data',
        snapshotsMax: null,
        tz: null,
        look: { everyMs: 3_600_000, window: null },
        pings: [],
      },
    ],
    maintenance: [],
    digest: null,
    alarms: [{ kinds: [], subjects: [], hooks: ['chat'] }],
    hooks: [
      {
        type: 'webhook',
        name: 'chat',
        url: 'https://chat.school.example/in',
        template: 'json',
        secret: null,
        token: null,
        allowInternal: false,
      },
      { type: 'ping', name: 'dead', url: 'https://hc.example/1', allowInternal: false },
    ],
    keepMessagesDays: 365,
  });
});

test('the example is right, and what config prints of it means the same', () => {
  const example = configuration(EXAMPLE);
  expect(notesOf(example)).toEqual([]);
  expect(differences(null, example).length).toBeGreaterThan(5);
  expect(configuration(configurationText(example))).toEqual(example);
  for (const hook of example.hooks) {
    const secret = 'url' in hook ? hook.url : hook.type === 'mail' ? (hook.password ?? '') : '';
    expect(secretSource(secret)).toMatchObject({ kind: expect.stringMatching(/env|file/) });
  }
});

test('the schema in docs is the one that apply uses', async () => {
  await expect(`${JSON.stringify(SCHEMA, null, 2)}\n`).toMatchFileSnapshot('../../../docs/rollcall.schema.json');
});

test('CRLF, a byte order mark, anchors and fields that begin with x- are read', () => {
  const plain = configuration(small());
  expect(configuration(small().replaceAll('\n', '\r\n'))).toEqual(plain);
  expect(configuration(`\ufeff${small()}`)).toEqual(plain);
  const night = 'x-night: &night { every: 12h, window: 22:00–06:00 }\n';
  const two = `${night}volumes:\n  a: { path: /a, backups: [], quick: *night }\n  b: { path: /b/, backups: [], quick: *night }\n`;
  expect(configuration(two).volumes).toMatchObject([
    { path: '/a', quick: { everyMs: 43_200_000, window: { fromMinute: 1320, untilMinute: 360 } } },
    { path: '/b', quick: { everyMs: 43_200_000, window: { fromMinute: 1320, untilMinute: 360 } } },
  ]);
});

test.each([
  ['nothing', '', '-:- : the file is empty'],
  ['comments alone', '# later\n', '-:- : the file is empty'],
  ['a list', '- a\n', '1:1 : the file must hold fields, such as volumes:'],
  ['a text', 'hello', '1:1 : the file must hold fields, such as volumes:'],
  ['two documents', `${small()}---\n${small()}`, expect.stringMatching(/^\d+:\d+ : a second document/)],
  ['a tab', 'volumes:\n\tschool: {}\n', expect.stringMatching(/^2:1 : tabs cannot indent/)],
  [
    'a name twice',
    'volumes:\n  a: { path: /a, backups: [] }\n  a: { path: /b, backups: [] }\n',
    '3:3 : this name is used twice',
  ],
  ['a tag', 'volumes: !secret x\n', expect.stringMatching(/^1:10 : tags/)],
  ['an alias of nothing', 'volumes: *none\n', expect.stringMatching(/^1:10 volumes: no anchor/)],
  ['an alias of itself', 'volumes: &a { b: *a }\n', expect.stringMatching(/too many values/)],
  [
    'cron without quotes',
    'volumes:\n  a: { path: /a, backups: [], quick: { cron: * 2 * * * } }\n',
    expect.stringMatching(/^2:\d+ : .*quotes/),
  ],
  ['a control character', 'volumes:\n  a\u0007: {}\n', '2:4 : control characters are not allowed'],
  [
    'an escape sequence',
    'time_zone: "\\e[2J"\nvolumes: {}\n',
    '1:12 time_zone: write it on one line, without control characters',
  ],
])('a file that is no configuration is refused: %s', (_what, text, said) => {
  expect(problems(text)).toEqual([said]);
});

test('bytes that are no text are refused, quickly', () => {
  expect(problems(Buffer.from('volumes: {}\n# \xe4\n', 'latin1'))).toEqual(['2:3 : not UTF-8; save the file as UTF-8']);
  expect(problems(Buffer.from('\ufeffvolumes: {}', 'utf16le'))).toEqual(['-:- : the file is UTF-16; save it as UTF-8']);
  expect(problems(Buffer.alloc(300_000, 0x20))).toEqual(['-:- : the file is larger than 256 KiB']);
  expect(problems('['.repeat(20_000))).toEqual([expect.stringMatching(/nested too deeply|not valid YAML|is missing/)]);
});

test('aliases that multiply are refused before they have', () => {
  const lines = ['x-0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]'];
  for (let n = 1; n < 10; n++)
    lines.push(`x-${n}: &x${n} [${Array.from({ length: 10 }, () => `*x${n - 1}`).join(', ')}]`);
  expect(problems(`${lines.join('\n')}\n${small()}`)).toEqual([expect.stringMatching(/too many values/)]);
});

test('each wrong field is said, with its line and what was meant', () => {
  const text = `time_zon: UTC
volumes:
  school:
    path: srv/school
    backups: nightly
    quik: 12h
    scrub: { within: 30, budgt: 1 }
    cross_mounts: yes
    excludes:
  other:
    quick: often
    path: /x
  -bad: { path: /y, backups: [] }
backups:
  __proto__: { pattern: /z }
hooks:
  m: { type: mial }
  n: { type: mail, from: a, to: [], server: x }
alarms:
  - { kinds: [silent_loss], hooks: [] }
`;
  expect(problems(text)).toEqual([
    '1:1 time_zon: unknown field; did you mean time_zone?',
    '4:11 volumes.school.path: write it from the root: it begins with a /',
    '5:14 volumes.school.backups: write a list: [a, b]',
    '6:5 volumes.school.quik: unknown field; did you mean quick?',
    '7:22 volumes.school.scrub.within: write a length of time with its unit: 90m, 36h, 7d or 2w',
    '7:26 volumes.school.scrub.budgt: unknown field; did you mean budget?',
    '8:19 volumes.school.cross_mounts: write true or false',
    '9:14 volumes.school.excludes: it is empty; write a list: [a, b], or leave the field out',
    '10:3 volumes.other: backups is missing',
    '11:12 volumes.other.quick: write how often, with a unit: 30m, 12h or 1d; or never',
    expect.stringMatching(/^13:3 volumes.-bad: a name has letters/),
    expect.stringMatching(/^15:3 backups.__proto__: a name has letters/),
    '17:14 hooks.m.type: write one of mail, webhook, ping, ntfy, command; did you mean mail?',
    '18:26 hooks.n.from: write an address: rollcall@school.example',
    '18:33 hooks.n.to: it is empty',
    '18:45 hooks.n.server: write smtp://HOST:PORT or smtps://HOST:PORT',
    expect.stringMatching(/^20:15 alarms\[0\].kinds\[0\]: write one of silent-loss.*did you mean silent-loss/),
  ]);
});

test('a secret in the file is refused, and never repeated', () => {
  const secrets = `hooks:
  mail:
    type: mail
    from: a@b
    to: [c@d]
    server: smtp://joe:hunter2@mail.example
    password: hunter2
  chat: { type: webhook, url: "https://hooks.example/hunter2", template: slack, secret: hunter2, token: hunter2 }
  one: { type: webhook, url: "https://u:hunter2@h.example/" }
  two: { type: ntfy, url: "https://h.example/?access_token=hunter2", token: env:PATH }
  three: { type: ping, url: file:/etc/shadow }
  four: { type: webhook, url: "https://hooks.slack.com/services/hunter2" }
`;
  const found = problems(small(secrets));
  expect(found.map((line) => line.split(' ')[1])).toEqual([
    'hooks.mail.server:',
    'hooks.mail.password:',
    'hooks.chat.url:',
    'hooks.chat.secret:',
    'hooks.chat.token:',
    'hooks.one.url:',
    'hooks.two.url:',
    'hooks.two.token:',
    'hooks.three.url:',
    'hooks.four.url:',
  ]);
  expect(found[1]).toContain('env:ROLLCALL_HOOK_MAIL_PASSWORD');
  expect(JSON.stringify(found)).not.toContain('hunter2');
  // Nor where the file cannot be read at all.
  expect(JSON.stringify(problems('hooks: { m: { password: "hunter2 } }\n'))).not.toContain('hunter2');
  const references =
    'hooks:\n  m: { type: mail, from: a@b, to: [c@d], server: "smtps://h:465", user: joe, password: env:ROLLCALL_HOOK_X }\n';
  expect(problems(small(references))).toEqual([]);
});

test('names that nobody bears, that two bear, and places that overlap are refused', () => {
  const text = `volumes:
  school: { path: /srv/school, backups: [nighly], pings: [chat, nobody] }
  again: { path: /srv/school/, backups: [] }
  files: { path: /srv/f, backups: [] }
  inside: { path: /srv/snap/1/data/x, backups: [] }
  same: { path: /srv/snap/1/data, backups: [] }
  top: { path: /srv/top, backups: [] }
  over: { path: /srv/over, backups: [], cross_mounts: true }
  short: { path: /srv/short, backups: [], quick: 24h, blind_after: 12h }
backups:
  nightly: { pattern: "/srv/snap/*/data" }
  school: { host: vault, pattern: "/srv/snap/*/data" }
  twice: { host: vault, pattern: "/srv/snap/?/data" }
  within: { pattern: "/srv/over/old/*" }
  bad: { pattern: "/x/*a*a*a*a*a*a*a*a*a*a" }
  snapper: { pattern: "/srv/top/.snapshots/*/snapshot" }
bundles: /srv/top/bundles
digest: { at: 07:00, hooks: [dead] }
hooks:
  chat: { type: webhook, url: "https://h.example/" }
  dead: { type: ping, url: "https://h.example/" }
alarms: [{ hooks: [chta], subjects: [scool] }]
maintenance: [{ reason: r, window: 03:00-05:00, subjects: [vaul] }]
`;
  const said = problems(text).map((line) => line.replace(/^\d+:\d+ /, ''));
  expect(said).toEqual([
    'volumes.school.backups[0]: there is no backup called nighly; did you mean nightly?',
    'volumes.school.pings[0]: only hooks of type ping can be listed here',
    'volumes.school.pings[1]: there is no hook of type ping called nobody; there are: dead',
    'volumes.again.path: school already has this directory',
    'volumes.files: a host has this name; choose another',
    'volumes.short.blind_after: it is not longer than the schedule (quick): the volume would be blind between two audits',
    'backups.nightly.pattern: the live volume inside (/srv/snap/1/data/x) is inside what it matches',
    'backups.nightly.pattern: it matches /srv/snap/1/data, which is the live volume same',
    'backups.school: a volume has this name; choose another',
    'backups.twice.pattern: school already has this series',
    'backups.within.pattern: it is inside the live volume over: its snapshots would be audited as live files',
    'backups.bad.pattern: too many wildcards in one name',
    'bundles: inside top, where Rollcall never writes; choose another directory',
    'digest.hooks[0]: ping hooks report runs, not incidents: list it under pings',
    'alarms[0].hooks[0]: there is no hook called chta; did you mean chat?',
    'alarms[0].subjects[0]: there is no volume, backup or host called scool; did you mean school?',
    'maintenance[0].subjects[0]: there is no volume, backup or host called vaul; did you mean vault?',
  ]);
});

test('a series inside a volume is refused only where it is known to be among its files', () => {
  const inside = (pattern: string, more = ''): string[] =>
    notesOf(
      configuration(`volumes:\n  a: { path: /srv, backups: [b]${more} }\nbackups:\n  b: { pattern: "${pattern}" }\n`),
    ).filter((note) => note.startsWith('b is inside'));
  expect(inside('/srv/old/*')).toEqual([expect.stringContaining('unless it is a file system of its own')]);
  expect(inside('/srv/copy')).toHaveLength(1);
  expect(inside('/srv/*/x')).toHaveLength(1);
  for (const pattern of ['/srv/.snapshots/*/snapshot', '/srv/.zfs/snapshot/*', '/srv2/*', '/backup/*'])
    expect(inside(pattern)).toEqual([]);
  expect(inside('/srv/old/*', ", excludes: ['/old/']")).toEqual([]);
});

test('names that objects have of their own are names like any other', () => {
  const odd = 'volumes:\n  constructor: { path: /a, backups: [] }\n  toString: { path: /b, backups: [] }\n';
  expect(differences(null, configuration(odd)).map(({ change, name }) => [change, name])).toContainEqual([
    'new',
    'constructor',
  ]);
  expect(differences(configuration('volumes: {}\n'), configuration(odd))).toMatchObject([
    { change: 'new', name: 'constructor' },
    { change: 'new', name: 'toString' },
  ]);
});

test('what is allowed and leaves something unseen is said', () => {
  const bare = 'volumes:\n  a: { path: /a, backups: [], quick: never }\nbackups:\n  b: { pattern: "/b/*" }\n';
  expect(notesOf(configuration(bare))).toEqual([
    expect.stringContaining('a has no backup'),
    expect.stringContaining('never audited by schedule'),
    expect.stringContaining('a has no scrub'),
    expect.stringContaining('b is not listed as the backup'),
    expect.stringContaining('Nobody is notified of incidents'),
  ]);
  const hooks =
    'hooks:\n  x: { type: command, program: page }\n  y: { type: command, program: call }\nalarms: [{ kinds: [damage], hooks: [x] }]\n';
  const notes = notesOf(configuration(small(hooks)));
  expect(notes).toContain('No alarm rule covers: silent-loss, burst, hidden, blind, overdue, trouble.');
  expect(notes).toContain('The hook y is never used.');
  expect(notesOf(configuration('volumes: {}\n'))[0]).toContain('nothing is audited');
});

test('times: windows over midnight, once and weekly, the hour that comes twice, cron, and what is no time', () => {
  const maintenance = `maintenance:
  - { reason: weekly, weekdays: [sat, mon], window: 18:00-24:00 }
  - { reason: once, from: 2026-10-25T02:30, until: 2026-10-25T02:30:00+01:00 }
  - { reason: all, from: 2026-10-25T02:30, until: 2026-10-25T02:45 }
`;
  expect(problems(small('maintenance: [{ reason: r, from: 2026-12-02T00:00, until: 2026-12-01T00:00 }]\n'))).toEqual([
    expect.stringContaining('it ends before it begins'),
  ]);
  expect(configuration(small(maintenance)).maintenance.map(({ at }) => at)).toEqual([
    { weekdays: [1, 6], window: { fromMinute: 1080, untilMinute: 0 } },
    // From the first of the two, to the second.
    { fromMs: Date.parse('2026-10-25T00:30Z'), untilMs: Date.parse('2026-10-25T01:30Z') },
    { fromMs: Date.parse('2026-10-25T00:30Z'), untilMs: Date.parse('2026-10-25T01:45Z') },
  ]);
  const quick = (text: string): string[] =>
    problems(`volumes:\n  a: { path: /a, backups: [], quick: ${text} }\n`).map((line) => line.replace(/^.*?: /, ''));
  expect(quick('{ cron: "30 2 * * 1-5" }')).toEqual([]);
  expect(quick('{ cron: "30 2 31 2 *" }')).toEqual([expect.stringContaining('no time fits')]);
  expect(quick('{ cron: "61 2 * * *" }')).toEqual([expect.stringContaining('no time fits')]);
  expect(quick('{ cron: "0 30 2 * * *" }')).toEqual([expect.stringContaining('five fields')]);
  // Another time each time it is read.
  expect(quick('{ cron: "H 2 * * *" }')).toEqual([expect.stringContaining('five fields')]);
  expect(quick('{ cron: "@daily" }')).toEqual([expect.stringContaining('five fields')]);
  expect(quick('{ cron: "0 2 * * *", every: 1h }')).toEqual(['write every or cron, not both']);
  expect(quick('{ window: 06:00-06:00 }')).toEqual([expect.stringContaining('the whole day is no window')]);
  expect(quick('{ window: 25:00-06:00 }')).toEqual([expect.stringContaining('two different times')]);
  expect(quick('0h')).toEqual([expect.stringContaining('a length of time')]);
  expect(quick('24')).toEqual([expect.stringContaining('write how often (24h)')]);
  expect(problems(`time_zone: Europe/Berln\n${small()}`)).toEqual([
    '1:12 time_zone: there is no such time zone; write its IANA name: Europe/Berlin, UTC',
  ]);
});

test('a change is told in the words of the file, a volume with another name as the same, and an order alone is none', () => {
  const before = configuration(small());
  const after = configuration(
    small('time_zone: UTC\n').replace('school:', 'pupils:').replace('/data }', '/data, look: 30m }'),
  );
  expect(differences(before, after)).toEqual([
    expect.objectContaining({ change: 'new', what: 'volume', name: 'pupils', renamedFrom: 'school' }),
    { change: 'retired', what: 'volume', name: 'school', renamedFrom: null, fields: [] },
    {
      change: 'changed',
      what: 'backup',
      name: 'nightly',
      renamedFrom: null,
      fields: [{ field: 'look', before: '1h', after: '30m' }],
    },
    {
      change: 'changed',
      what: 'time_zone',
      name: null,
      renamedFrom: null,
      fields: [{ field: 'time_zone', before: 'Europe/Berlin', after: 'UTC' }],
    },
  ]);
  const two = (one: string, other: string): string =>
    `volumes:\n  ${one}: { path: /${one}, backups: [] }\n  ${other}: { path: /${other}, backups: [] }\n`;
  expect(differences(configuration(two('a', 'b')), configuration(two('b', 'a')))).toEqual([]);
});

test('a path with bytes that are no text is written as reports show it', () => {
  const path = (text: string): unknown => {
    const found = parsed(`volumes:\n  a: { path: ${text}, backups: [] }\n`);
    return 'configuration' in found ? found.configuration.volumes[0]?.path : found.problems[0]?.message;
  };
  expect(path(String.raw`'/srv/\xff'`)).toBe(String.raw`/srv/\xff`);
  expect(path(String.raw`'/srv/a\b'`)).toBe(String.raw`/srv/a\\b`);
  expect(path('/srv/../etc')).toBe('write it without . and ..');
  expect(path('/srv//data')).toBe('two slashes follow one another');
});
