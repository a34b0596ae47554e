// What a shell completes after `rollcall`, and the manual page: both from the commands themselves. Pure.
import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Flag {
  readonly names: readonly string[];
  readonly says: string;
  /** Null for a flag without a value; empty for one whose value may be anything, a file for instance. */
  readonly values: readonly string[] | null;
}

interface Place {
  /** The words that lead here, the program's own left out: `findings accept`. */
  readonly words: readonly string[];
  readonly flags: readonly Flag[];
  readonly below: readonly { readonly name: string; readonly says: string }[];
}

/** Every command and subcommand, the program itself first. */
function placesOf(program: Command): Place[] {
  const places: Place[] = [];
  const add = (command: Command, words: readonly string[]): void => {
    const visible = command.createHelp();
    const flags = visible.visibleOptions(command).map((option) => flagOf(option));
    const commands = visible.visibleCommands(command);
    places.push({
      words,
      flags,
      below: commands.map((one) => ({ name: one.name(), says: one.summary() || one.description() })),
    });
    for (const one of commands) if (one.name() !== 'help') add(one, [...words, one.name()]);
  };
  add(program, []);
  return places;
}

function flagOf(option: Option): Flag {
  const names = [option.short, option.long].filter((name) => name !== undefined && name !== null);
  const takes = option.required || option.optional;
  return { names, says: option.description, values: takes ? (option.argChoices ?? []) : null };
}

export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program);
  const lines = shell === 'bash' ? bash(places) : shell === 'zsh' ? zsh(places) : fish(places);
  return `${lines.join('\n')}\n`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
const pattern = (place: Place): string => quoted(place.words.join(' '));

/** The lines of a `case` that finds the command in the words before the one that is completed. Both shells read it. */
function steps(places: readonly Place[]): string[] {
  return places
    .filter(({ words }) => words.length > 0)
    .map(({ words }) => {
      const before = words.slice(0, -1).join(' ');
      return `      ${quoted(`${before}:${words.at(-1) ?? ''}`)}) at=${quoted(words.join(' '))} ;;`;
    });
}

/** Arms of a `case` on `COMMAND:FLAG`, for flags that take a value. */
function valueArms(places: readonly Place[], complete: (values: readonly string[]) => string): string[] {
  return places.flatMap((place) =>
    place.flags.flatMap(({ names, values }) =>
      values === null
        ? []
        : [
            `    ${names.map((name) => quoted(`${place.words.join(' ')}:${name}`)).join('|')}) ${complete(values)}; return ;;`,
          ],
    ),
  );
}

function bash(places: readonly Place[]): string[] {
  return [
    '# Completes rollcall in bash. Written by: rollcall completion bash',
    '_rollcall() {',
    "  local at='' i current=${COMP_WORDS[COMP_CWORD]} commands='' flags=''",
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    case "$at:${COMP_WORDS[i]}" in',
    ...steps(places),
    '    esac',
    '  done',
    '  COMPREPLY=()',
    '  case "$at:${COMP_WORDS[COMP_CWORD-1]}" in',
    ...valueArms(places, (values) =>
      values.length === 0 ? ':' : `COMPREPLY=($(compgen -W ${quoted(values.join(' '))} -- "$current"))`,
    ),
    '  esac',
    '  case "$at" in',
    ...places.map(
      (place) =>
        `    ${pattern(place)}) commands=${quoted(place.below.map(({ name }) => name).join(' '))} flags=${quoted(place.flags.flatMap(({ names }) => names).join(' '))} ;;`,
    ),
    '  esac',
    '  case "$current" in',
    '    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;',
    '    *) COMPREPLY=($(compgen -W "$commands" -- "$current")) ;;',
    '  esac',
    '}',
    '# Where nothing fits, files do.',
    'complete -o default -F _rollcall rollcall',
  ];
}

function zsh(places: readonly Place[]): string[] {
  const described = (name: string, says: string): string => quoted(`${name}:${says.replaceAll(':', '\\:')}`);
  return [
    '#compdef rollcall',
    '# Completes rollcall in zsh. Written by: rollcall completion zsh',
    '_rollcall() {',
    "  local at='' i",
    '  local -a commands flags',
    '  for ((i = 2; i < CURRENT; i++)); do',
    '    case "$at:${words[i]}" in',
    ...steps(places),
    '    esac',
    '  done',
    '  case "$at:${words[CURRENT-1]}" in',
    ...valueArms(places, (values) => (values.length === 0 ? '_files' : `compadd -- ${values.map(quoted).join(' ')}`)),
    '  esac',
    '  case "$at" in',
    ...places.map(
      (place) =>
        `    ${pattern(place)}) commands=(${place.below.map(({ name, says }) => described(name, says)).join(' ')}) flags=(${place.flags
          .flatMap(({ names, says }) => names.map((name) => described(name, says)))
          .join(' ')}) ;;`,
    ),
    '  esac',
    '  if [[ ${words[CURRENT]} == -* ]]; then',
    '    _describe option flags',
    '  elif (( ${#commands} )); then',
    '    _describe command commands',
    '  else',
    '    _files',
    '  fi',
    '}',
    '# Sourced, or found as a function that completes.',
    'if [[ ${funcstack[1]} == _rollcall ]]; then _rollcall "$@"; else compdef _rollcall rollcall; fi',
  ];
}

function fish(places: readonly Place[]): string[] {
  const lines = ['# Completes rollcall in fish. Written by: rollcall completion fish'];
  for (const { words, flags, below } of places) {
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
    const none = `not __fish_seen_subcommand_from ${below.map(({ name }) => name).join(' ')}`;
    const here = seen.length === 0 ? [] : ['-n', quoted(seen.join('; and '))];
    const before = below.length === 0 ? '' : quoted([...seen, none].join('; and '));
    for (const { name, says } of below)
      lines.push(`complete -c rollcall -f -n ${before} -a ${name} -d ${quoted(says)}`);
    for (const { names, says, values } of flags) {
      const spelled = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
      const takes = values === null ? [] : values.length === 0 ? ['-r'] : ['-x', '-a', quoted(values.join(' '))];
      lines.push(['complete -c rollcall', ...here, ...spelled, ...takes, '-d', quoted(says)].join(' '));
    }
  }
  return lines;
}

/** In the language of man(7). The date is the changelog's affair. */
export function manPage(program: Command, version: string): string {
  const text = (words: string): string =>
    words
      .replaceAll('\\', '\\e')
      .replaceAll('-', '\\-')
      .replaceAll(/^([.'])/gm, '\\&$1');
  const lines = [
    `.TH ROLLCALL 1 "" "rollcall ${version}" "User Commands"`,
    '.SH NAME',
    'rollcall \\- find what is lost on live volumes, since when, and which snapshot can restore it',
    '.SH SYNOPSIS',
    '.B rollcall',
    '[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]',
    '.SH DESCRIPTION',
    text(program.description()),
  ];
  const add = (command: Command, words: readonly string[]): void => {
    const help = command.createHelp();
    if (words.length === 0) lines.push('.SH OPTIONS');
    else
      lines.push(
        `.SS "${text([program.name(), ...words].join(' '))} ${text(command.usage()).replaceAll('"', '\\(dq')}"`,
        text(command.description()),
      );
    for (const argument of help.visibleArguments(command))
      lines.push('.TP', `\\fI${text(argument.name())}\\fR`, text(help.argumentDescription(argument)));
    for (const option of help.visibleOptions(command))
      lines.push('.TP', `\\fB${text(option.flags)}\\fR`, text(help.optionDescription(option)));
    if (words.length === 0) lines.push('.SH COMMANDS');
    for (const below of help.visibleCommands(command))
      if (below.name() !== 'help') add(below, [...words, below.name()]);
  };
  add(program, []);
  lines.push(
    '.SH EXIT STATUS',
    '0 nothing to report, 1 findings, 2 usage or operational failure, 3 incomplete, 4 a guard stopped it, 130 interrupted.',
    '.SH ENVIRONMENT',
    text(
      "ROLLCALL_STATE_DIR (as --state-dir), DATABASE_URL (a Postgres server instead of the embedded one), REDIS_URL (the queue's Redis), DATABASE_URL_FILE and REDIS_URL_FILE (files that hold these), ROLLCALL_HOST (what this machine is called in the catalog), ROLLCALL_PG_BIN (the directory of other programs of Postgres), NO_COLOR.",
    ),
    '.SH SEE ALSO',
    '.BR rsync (1)',
  );
  return `${lines.join('\n')}\n`;
}
