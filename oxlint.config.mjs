// What oxlint asks of the code. The second half keeps the layers of docs/architecture.md; test/tidy/layers.test.ts
// holds `await import()` against the same rules, which oxlint does not look at.

// What each import of the outside is for, and who may have it.
const FS = {
  'node:fs': 'A volume is touched by services/files only. Elsewhere a file system is for rooms whose job is a file.',
  'node:fs/promises': 'Calls that wait their turn in a pool of four threads are slow for files: node:fs, in rooms that may.',
};
const PG = { pg: 'Only services/catalog speaks SQL; services/embedded asks whether its server answers.' };
const BULLMQ = { bullmq: 'Only services/queue knows BullMQ.' };
const KOFFI = { koffi: 'Addresses never leave services/files/sys.ts; services/process/end.ts ends a process whose threads hang.' };

// Relative imports: what they lead to, and why not.
const ABOVE_DOMAIN = /^(\.\.\/)+(services|cli|workers|api|test|bench)\//;
const DOOR = [/^(\.\.\/)+(cli|workers|api)\//, 'Nothing below a door knows it.'];
const VERB = [/^(\.\.\/)+[a-z-]+\.ts$/, 'A room does not know the verbs that use it.'];
const USE_CASE = [
  /^(\.\.\/)+(scan|judge|bundle|report|exchange|typed|demo|doctor|fleet|watch)\//,
  'A capability knows the domain, and nothing above it.',
];
const CAPABILITY = [
  /^(\.\.\/)+(catalog|files|queue|embedded)\//,
  'Capabilities do not know one another: a use case joins them. Below them is services/process, and nothing else.',
];
const TOLD = [
  /^(\.\.\/)+(bundle|report|exchange|typed|demo|doctor|watch)\//,
  'What is true does not depend on how it is told, listed or typed.',
];
const OPENS = [
  /^(\.\.\/)+(files|judge|bundle|exchange|demo|doctor|watch|queue|embedded)\//,
  'What is told is made of facts: it opens nothing, and decides nothing.',
];
const ROOMS_OF_DOORS = [
  /\/services\/(catalog|files|queue|embedded|scan|judge|bundle|exchange|demo|doctor|fleet|watch)\//,
  'A door calls verbs (services/*.ts); it knows what is told (report), what was typed (typed), and its own process.',
];
const OTHER_DOORS = {
  cli: [/^(\.\.\/)+(workers|api)\//, 'Doors do not know one another.'],
  workers: [/^(\.\.\/)+(cli|api)\//, 'Doors do not know one another.'],
  api: [/^(\.\.\/)+(cli|workers)\//, 'Doors do not know one another.'],
};

const room = (name) => `services/${name}/**/*.ts`;

/** Where several fit a file, the last one holds. */
export const LAYERS = [
  { files: ['services/*.ts'], outside: { ...FS, ...PG, ...BULLMQ, ...KOFFI }, inside: [DOOR] },

  // Use cases.
  {
    files: [room('scan'), room('typed')],
    outside: { ...FS, ...PG, ...BULLMQ, ...KOFFI },
    inside: [DOOR, VERB],
  },
  // Tasks and the slots that do them: it joins catalog, queue and scan, and opens no file.
  { files: [room('fleet')], outside: { ...FS, ...PG, ...BULLMQ, ...KOFFI }, inside: [DOOR, VERB, TOLD] },
  // Schedules, incidents and what is told of them: it joins capabilities, and opens no file.
  { files: [room('watch')], outside: { ...FS, ...PG, ...BULLMQ, ...KOFFI }, inside: [DOOR, VERB] },
  // Its socket is a file.
  { files: ['services/watch/listen.ts'], outside: { ...PG, ...BULLMQ, ...KOFFI }, inside: [DOOR, VERB] },
  // The program of a hook is looked at before it runs.
  { files: ['services/watch/hooks/command.ts'], outside: { ...PG, ...BULLMQ, ...KOFFI }, inside: [DOOR, VERB] },
  { files: [room('judge')], outside: { ...FS, ...PG, ...BULLMQ, ...KOFFI }, inside: [DOOR, VERB, TOLD] },
  { files: [room('report')], outside: { ...FS, ...PG, ...BULLMQ, ...KOFFI }, inside: [DOOR, OPENS] },
  // Their job is a file: restore bundles, exports and lists, a tree to play with, the state of this machine.
  {
    files: [room('bundle'), room('exchange'), room('demo'), room('doctor')],
    outside: { ...PG, ...BULLMQ, ...KOFFI },
    inside: [DOOR, VERB],
  },

  // Capabilities.
  { files: [room('files')], outside: { ...PG, ...BULLMQ, ...KOFFI }, inside: [DOOR, VERB, USE_CASE, CAPABILITY] },
  { files: ['services/files/sys.ts'], outside: { ...PG, ...BULLMQ }, inside: [DOOR, VERB, USE_CASE, CAPABILITY] },
  { files: [room('catalog')], outside: { ...FS, ...BULLMQ, ...KOFFI }, inside: [DOOR, VERB, USE_CASE, CAPABILITY] },
  // The loaders of SQL: migrations, and hot queries that are files.
  {
    files: ['services/catalog/migrate.ts', 'services/catalog/statement.ts'],
    outside: { ...BULLMQ, ...KOFFI },
    inside: [DOOR, VERB, USE_CASE, CAPABILITY],
  },
  { files: [room('queue')], outside: { ...FS, ...PG, ...KOFFI }, inside: [DOOR, VERB, USE_CASE, CAPABILITY] },
  // A connection for BullMQ's own pools.
  {
    files: ['services/queue/lasting-client.ts'],
    outside: { ...FS, ...BULLMQ, ...KOFFI },
    inside: [DOOR, VERB, USE_CASE, CAPABILITY],
  },
  // Its job is a directory with a database in it.
  { files: [room('embedded')], outside: { ...BULLMQ, ...KOFFI }, inside: [DOOR, VERB, USE_CASE, CAPABILITY] },
  // Below all other rooms: this program and its process.
  { files: [room('process')], outside: { ...PG, ...BULLMQ, ...KOFFI }, inside: [DOOR, VERB, USE_CASE, CAPABILITY] },
  { files: ['services/process/end.ts'], outside: { ...PG, ...BULLMQ }, inside: [DOOR, VERB, USE_CASE, CAPABILITY] },

  // Doors.
  ...Object.entries(OTHER_DOORS).map(([door, others]) => ({
    files: [`${door}/**/*.ts`],
    outside: { ...FS, ...PG, ...BULLMQ, ...KOFFI },
    inside: [ROOMS_OF_DOORS, others],
  })),

  {
    files: ['domain/**/*.ts'],
    outside: {},
    inside: [
      [/^[^.]/, 'domain/ is pure: it imports nothing but itself, so that what is true can be tested to exhaustion.'],
      [ABOVE_DOMAIN, 'domain/ knows nothing above it.'],
    ],
  },
];

/** More than four parameters, from before the rule. The list only ever gets shorter. */
const MANY_PARAMETERS = [
  'domain/window/content-moves.ts',
  'services/catalog/import.ts',
  'services/catalog/lists.ts',
  'services/catalog/met.ts',
  'services/catalog/shard-result.ts',
  'services/embedded/cluster.ts',
  'services/embedded/embedded.ts',
  'services/scan/carry.ts',
  'services/scan/observe.ts',
  'test/catalog/drive.ts',
  'test/domain/judge/absent.test.ts',
  'test/domain/judge/scene.ts',
  'test/domain/snapshot-date.test.ts',
  'test/domain/window/intervals.test.ts',
  'test/nightly/looks.ts',
  'test/scan/held-back.ts',
  'test/support/fuse-server.ts',
  'test/support/fuse.ts',
];

/** Functions of more than 60 lines, and why they are. */
const LONG_FUNCTIONS = {
  'cli/commands/assess.ts': 'the command with the most options; its body names each of them once',
  'domain/snapshot-order.ts': 'to be divided: datesOfSeries',
  'services/catalog/decisions.ts': 'one pass over the findings of a volume, with what each of them decides',
  'services/catalog/reconciliation.ts': 'one statement, and what becomes of its rows',
  'services/demo/live-tree.ts': 'what lies in the tree, as one list',
  'services/demo/school.ts': 'the week of the school, day by day',
  'services/embedded/cluster.ts': 'one run of initdb and what follows it, undone together where it fails',
  'services/report/page/chart.ts': 'one drawing, from left to right',
  'services/scan/observe.ts': 'one decision with its cases in order',
  'services/scan/open-environment.ts': 'one object; each line is a rule that a shard asks for names',
};

const asRule = ({ files, outside, inside }) => ({
  files,
  rules: {
    'no-restricted-imports': [
      'error',
      {
        paths: Object.entries(outside).map(([name, message]) => ({ name, message })),
        patterns: inside.map(([regex, message]) => ({ regex: regex.source, message })),
      },
    ],
  },
});

export default {
  plugins: ['typescript', 'import', 'unicorn', 'promise', 'node'],
  categories: { correctness: 'error', suspicious: 'error' },
  ignorePatterns: ['dist', 'dist-test', 'node_modules'],
  rules: {
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/await-thenable': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/switch-exhaustiveness-check': 'error',
    'import/no-cycle': 'error',
    eqeqeq: 'error',
    // More than four are read wrongly at the call: an object has names.
    'max-params': ['error', { max: 4 }],
    'max-lines-per-function': ['error', { max: 60 }],
    // Work that is done one piece after another is the rule here, not the exception.
    'no-await-in-loop': 'off',
    'no-underscore-dangle': 'off',
    'unicorn/no-array-sort': 'off',
    // Of windows in a browser; a thread has no origin.
    'unicorn/require-post-message-target-origin': 'off',
    'unicorn/no-array-reverse': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'no-shadow': 'off',
    'typescript/no-unsafe-type-assertion': 'off',
    'typescript/consistent-return': 'off',
    // It takes undici out of what is bundled, before pg can load it.
    'import/no-unassigned-import': ['error', { allow: ['**/no-undici.ts'] }],
  },
  overrides: [
    ...LAYERS.map(asRule),
    {
      files: ['domain/**/*.ts'],
      rules: { 'no-restricted-globals': ['error', 'process', 'Buffer', 'setTimeout', 'performance'] },
    },
    { files: MANY_PARAMETERS, rules: { 'max-params': 'off' } },
    { files: Object.keys(LONG_FUNCTIONS), rules: { 'max-lines-per-function': 'off' } },
    // Tests are lists of cases, in functions that hold them together.
    {
      files: ['test/**/*.ts'],
      rules: { 'typescript/no-non-null-assertion': 'off', 'max-lines-per-function': 'off' },
    },
  ],
};
