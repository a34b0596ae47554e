// docker-compose.yml and deploy/Dockerfile as Docker reads them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { REPOSITORY } from '../support/programs.ts';

export interface Mount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly read_only?: boolean;
}

export interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes: readonly (string | Mount)[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly user?: string;
  readonly security_opt?: readonly string[];
  readonly read_only?: boolean;
  readonly tmpfs?: readonly string[];
}

export interface ComposeFile {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export const composeText = readFileSync(join(REPOSITORY, 'docker-compose.yml'), 'utf8');

const VARIABLE = /\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g;

/** The variables that the file names. */
export const composeVariables = new Set([...composeText.matchAll(VARIABLE)].map((match) => match[1] ?? ''));

/**
 * The file with its variables replaced, as compose does before it looks further.
 * @throws Error where one that must be set is not
 */
export function readCompose(environment: Readonly<Record<string, string>>): ComposeFile {
  const filled = composeText.replaceAll(VARIABLE, (_, name: string, how?: string, word?: string) => {
    const value = environment[name];
    if (value !== undefined && value !== '') return value;
    if (how === '-') return word ?? '';
    throw new Error(word ?? `${name} is not set`);
  });
  return parse(filled) as ComposeFile;
}

export interface Step {
  readonly word: string;
  readonly rest: string;
}

export interface Stage {
  readonly name: string;
  readonly image: string;
  readonly steps: readonly Step[];
}

/** The stages of a Dockerfile: comments are gone, continued lines are one. */
export function readDockerfile(path = join(REPOSITORY, 'deploy/Dockerfile')): Stage[] {
  const lines = readFileSync(path, 'utf8')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const stages: { name: string; image: string; steps: Step[] }[] = [];
  for (const line of lines) {
    const [, word = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'FROM') {
      const [image = '', , name = `stage ${stages.length}`] = rest.split(/\s+/);
      stages.push({ name, image, steps: [] });
    } else stages.at(-1)?.steps.push({ word, rest });
  }
  return stages;
}

/** Of `COPY [--from=STAGE] SOURCE… TARGET`. */
export function copyParts(rest: string): { from: string | null; sources: string[]; target: string } {
  const words = rest.split(/\s+/);
  const from = words[0]?.startsWith('--from=') === true ? (words.shift() ?? '').slice('--from='.length) : null;
  return { from, sources: words.slice(0, -1), target: words.at(-1) ?? '' };
}
