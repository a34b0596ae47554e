// The schema of rollcall.yaml: what apply holds a file against, and what editors read as docs/rollcall.schema.json. Its
// descriptions and messages are the words of both.
import { INCIDENT_KINDS } from '../../../domain/watch/incident.ts';
import { DURATION, RATE, WEEKDAYS } from '../../../domain/watch/units.ts';

type Schema = Readonly<Record<string, unknown>>;

/** `patternErrorMessage` is what editors with the YAML language server show, too. */
const text = (pattern: string, patternErrorMessage: string, description: string): Schema => ({
  type: 'string',
  pattern,
  patternErrorMessage,
  description,
});

export const NAME = '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$';
/** Numbers and names of months and weekdays: nothing that means another time each time it is read (H). */
const CRON_FIELD = '(?:[0-9*/,-]|[A-Za-z]{3})+';
const CRON = `^${CRON_FIELD}(?: +${CRON_FIELD}){4}$`;
const NAME_WORDS =
  'a name has letters, digits, dots, dashes and underscores, 63 at most, and begins with a letter or digit';
const HOST_NAME = '[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?';
const HOST = `^${HOST_NAME}$`;
const TIME = '^(?:[01]?[0-9]|2[0-3]):[0-5][0-9]$';

const duration = (description: string): Schema =>
  text(DURATION, 'write a length of time with its unit: 90m, 36h, 7d or 2w', description);
const host = text(
  HOST,
  'write the name of a host: letters, digits, dots and dashes',
  'The host that it lies on, by the name its worker has (default: the machine on which apply runs).',
);
const absolute = (description: string): Schema => text('^/', 'write it from the root: it begins with a /', description);
const window = text(
  '^[0-9]{1,2}:[0-9]{2} ?[-–—] ?[0-9]{1,2}:[0-9]{2}$',
  'write two times of day: 22:00-06:00',
  'Work begins between these times of each day only; it may go over midnight.',
);
const names = (of: string, description: string): Schema => ({
  type: 'array',
  items: text(NAME, NAME_WORDS, of),
  uniqueItems: true,
  description,
});
const flag = (description: string): Schema => ({ type: 'boolean', description });
const object = (required: readonly string[], properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});

const schedule = (description: string): Schema => ({
  description,
  errorMessage: 'write how often (24h), never, or {every: 24h, window: 22:00-06:00}',
  anyOf: [
    text(`^never$|${DURATION}`, 'write how often, with a unit: 30m, 12h or 1d; or never', 'How often; or never.'),
    object([], {
      every: duration('Time from one run to the next.'),
      cron: text(
        CRON,
        'write five fields (minute, hour, day of the month, month, weekday), in quotes',
        'Five fields, in the time zone of this file: "30 2 * * *".',
      ),
      window,
    }),
  ],
});

const scrub: Schema = {
  description: 'Every file is read again within this time, and compared with its recorded digest (default: never).',
  errorMessage: 'write a length of time (30d), never, or {within: 30d, budget: 50MB/s, window: 22:00-06:00}',
  anyOf: [
    text(`^never$|${DURATION}`, 'write a length of time with its unit (30d), or never', 'Within which; or never.'),
    object(['within'], {
      within: duration('Every file is read again within this time: whole days.'),
      grace: duration(
        'How much later a file may be read before it counts as overdue (default: a quarter, 7d at most).',
      ),
      budget: text(
        RATE,
        'write bytes per second with a unit: 50MB/s or 50MiB/s',
        'How fast the host reads for it, all workers together (default: no limit).',
      ),
      window,
    }),
  ],
};

const pings = names('A hook of type ping.', 'Ping hooks that are called at the start and the end of each run.');

const volume: Schema = {
  ...object(['backups'], {
    host,
    path: text(
      '^(?:/|gluster:)',
      'write it from the root: it begins with a /',
      'The directory at its top, as a real path. Of a GlusterFS volume on bricks write bricks instead.',
    ),
    bricks: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: text(
        `^(?:${HOST_NAME}:)?/`,
        'write the path of a brick from the root: /b1/data',
        'A brick: a real path on the host of the volume.',
      ),
      description:
        'A GlusterFS volume that is read from its bricks: all of those that lie on its host. Instead of path.',
    },
    backups: names('A backup of this file.', 'The backups that protect it; [] says that there is none.'),
    excludes: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      description: 'What is left out, as in .gitignore.',
    },
    cross_mounts: flag('Enter other file systems below it.'),
    not_gluster: flag('This FUSE mount of unknown type is not GlusterFS.'),
    bricks_rescued: flag('The bricks behind this GlusterFS mount were scanned, and their hidden files rescued.'),
    quick: schedule('How often it is audited: metadata of all files, and the bytes of what changed (default: 24h).'),
    scrub,
    blind_after: duration(
      'Without a complete audit for so long it counts as blind (default: twice the schedule and 6h).',
    ),
    pings,
  }),
  if: { required: ['bricks'] },
  else: { required: ['path'] },
  description: 'A live volume: a directory that people work on, or the bricks of a GlusterFS volume.',
};

const backup: Schema = {
  ...object(['pattern'], {
    host,
    pattern: absolute(
      'One directory for each snapshot, with a * where their names differ: /backup/*/data. One directory is a backup of one copy.',
    ),
    snapshots: { type: 'integer', minimum: 1, description: 'Scan the newest so many only (default: all).' },
    time_zone: { type: 'string', description: 'Time zone of the dates in their names (default: that of this file).' },
    look: schedule(
      'How often to look for new snapshots, which are scanned, and what they protect is assessed (default: 1h).',
    ),
    pings,
  }),
  description: 'A backup: a series of snapshots.',
};

const secret = (description: string): Schema => ({ type: 'string', minLength: 1, description });
const internal = flag('It may be called at an address of this machine or of a private network.');
const REFERENCE = 'env:ROLLCALL_HOOK_NAME or file:/etc/rollcall/secrets/NAME';

const hook: Schema = {
  type: 'object',
  required: ['type'],
  discriminator: { propertyName: 'type' },
  description: 'Somebody who is told.',
  oneOf: [
    object(['type', 'from', 'to', 'server'], {
      type: { const: 'mail' },
      from: text('^[^\\s<>]+@[^\\s<>]+$', 'write an address: rollcall@school.example', 'The address that it is from.'),
      to: {
        type: 'array',
        minItems: 1,
        items: text('^[^\\s<>]+@[^\\s<>]+$', 'write an address: admin@school.example', 'An address.'),
        description: 'The addresses that it is for.',
      },
      server: text(
        '^smtps?://',
        'write smtp://HOST:PORT or smtps://HOST:PORT',
        'smtps:// or smtp://, without a password; smtp:// demands STARTTLS, but on this machine. A relay of a private network without TLS: smtp://HOST?tls=no.',
      ),
      user: secret(`The name to log in with, or ${REFERENCE}.`),
      password: secret(REFERENCE),
    }),
    object(['type', 'url'], {
      type: { const: 'webhook' },
      url: secret(`The URL, or ${REFERENCE} where it is a secret itself.`),
      template: { enum: ['json', 'slack', 'matrix', 'alertmanager'], description: 'Its form (default: json).' },
      secret: secret(`Signs the body (HMAC-SHA256): ${REFERENCE}`),
      token: secret(`Sent as Authorization: Bearer: ${REFERENCE}`),
      allow_internal: internal,
    }),
    object(['type', 'url'], {
      type: { const: 'ping' },
      url: secret(`The URL of a check in the form of Healthchecks, or ${REFERENCE}.`),
      allow_internal: internal,
    }),
    object(['type', 'url'], {
      type: { const: 'ntfy' },
      url: secret(`The server with the topic, or ${REFERENCE}.`),
      token: secret(REFERENCE),
      allow_internal: internal,
    }),
    object(['type', 'program'], {
      type: { const: 'command' },
      program: text(
        NAME,
        'write the name of a file in /etc/rollcall/hooks.d, without a directory',
        'Runs /etc/rollcall/hooks.d/NAME.',
      ),
    }),
  ],
};

const subjects = names('A volume, backup or host.', 'Volumes, backups or hosts (default: all).');
const hooks = names('A hook of this file.', 'Who is told; [] says nobody.');
const instant = (description: string): Schema =>
  text('^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}', 'write a date and a time: 2026-12-24T20:00', description);
const named = (one: Schema, description: string): Schema => ({
  type: 'object',
  propertyNames: { pattern: NAME, patternErrorMessage: NAME_WORDS },
  additionalProperties: one,
  description,
});

export const SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'rollcall.yaml',
  description: 'What Rollcall watches: rollcall apply -f rollcall.yaml',
  ...object(['volumes'], {
    time_zone: {
      type: 'string',
      description: 'IANA name; times of day are of this zone (default: that of the machine on which apply runs).',
    },
    bundles: {
      description: 'Where restore bundles of losses are written as they are found (default: nowhere).',
      errorMessage: 'write a directory, or {host: NAME, directory: /PATH}',
      anyOf: [
        absolute('A directory of this machine.'),
        object(['directory'], { host, directory: absolute('A directory of that host.') }),
      ],
    },
    volumes: named(volume, 'Live volumes, by name.'),
    backups: named(backup, 'Backups, by name.'),
    maintenance: {
      type: 'array',
      description: 'When nothing is alarmed, and being blind is counted.',
      items: object(['reason'], {
        reason: { type: 'string', minLength: 1, description: 'Why.' },
        subjects,
        weekdays: {
          type: 'array',
          minItems: 1,
          items: { enum: WEEKDAYS },
          description: 'Days on which the window begins (default: all).',
        },
        window,
        from: instant('Begins once: a time of the time zone of this file.'),
        until: instant('Ends.'),
      }),
    },
    digest: {
      ...object(['at', 'hooks'], {
        at: text(TIME, 'write a time of day: 07:00', 'When: a time of day.'),
        hooks,
      }),
      description: 'One message a day, of everything that was not told at once.',
    },
    alarms: {
      type: 'array',
      description:
        'Who is told of an incident: the first rule that fits (default: every hook but pings, of everything).',
      items: object(['hooks'], {
        kinds: {
          type: 'array',
          items: { enum: INCIDENT_KINDS },
          uniqueItems: true,
          description: 'Kinds of incidents (default: all).',
        },
        subjects,
        hooks,
      }),
    },
    hooks: named(hook, 'Who can be told, by name.'),
    keep_messages: duration('How long sent messages are kept (default: 365d).'),
  }),
  patternProperties: { '^x-': { description: 'Left to you, for instance for anchors.' } },
} as const satisfies Schema;
