// Somebody who does what the pages say: the commands of README.txt and of docs/glusterfs.md, as they are written, in
// their order, with the names of this world for the words that stand for names.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLI, REPOSITORY } from '../support/programs.ts';
import type { World } from './world.ts';

/** Commands of a bundle's README.txt. */
export function commandsOfReadme(bundle: string): string[] {
  const text = readFileSync(join(bundle, 'README.txt'), 'utf8');
  const [, section = ''] = /How to apply it, in this order\n-+\n(.*?)\n\n\S[^\n]*\n-----/s.exec(text) ?? [];
  return [...section.matchAll(/^ {5}(\S.*)$/gm)].map(([, command = '']) => command);
}

/** Commands of the page, by the number of the step that they belong to. */
export function commandsOfPage(): Map<number, string[]> {
  const text = readFileSync(join(REPOSITORY, 'docs/glusterfs.md'), 'utf8');
  const [, section = ''] = /\n## What to do\n(.*?)\n## /s.exec(text) ?? [];
  const steps = new Map<number, string[]>();
  let step = 0;
  for (const line of section.split('\n')) {
    step = Number(/^([0-9]+)\. /.exec(line)?.[1] ?? step);
    const [, command] = /^ {7}(\S.*)$/.exec(line) ?? [];
    if (command !== undefined) steps.set(step, [...(steps.get(step) ?? []), command]);
  }
  return steps;
}

/** Root on the server, with rollcall in the PATH. */
export class Administrator {
  readonly #world: World;
  readonly #names: Readonly<Record<string, string>>;
  readonly #environment: string;

  /** @param names what each word that stands for a name is here */
  constructor(world: World, names: Readonly<Record<string, string>>) {
    this.#world = world;
    this.#names = names;
    const bin = join(world.base, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'rollcall'), `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`);
    chmodSync(join(bin, 'rollcall'), 0o755);
    this.#environment = `export PATH=${bin}:$PATH ROLLCALL_STATE_DIR=${join(world.base, 'state')} NO_COLOR=1`;
  }

  /** Types a command, in a directory. */
  types(command: string, directory = this.#world.base): { status: number | null; said: string } {
    let typed = command;
    for (const [word, name] of Object.entries(this.#names)) typed = typed.replaceAll(word, name);
    const script = `${this.#environment}; cd ${directory}; ${typed}`;
    const { status, stdout, stderr } = this.#world.try(['bash', '-c', script]);
    return { status, said: `$ ${typed}\n${stdout}${stderr}` };
  }

  /** The same, where it must go well. @returns what it said */
  does(command: string, directory?: string): string {
    const { status, said } = this.types(command, directory);
    if (status !== 0) throw new Error(`${said}\nended with ${status}`);
    return said;
  }
}
