// Plays the demo: the tree is made, and every command of the story is run by a shell, as it could be typed, so that
// what is shown is what happens.
import { spawn } from 'node:child_process';
import { EXIT, RollcallError } from '../domain/exit.ts';
import { makeBase, removeBase } from './demo/base-directory.ts';
import { damageDemo } from './demo/damage.ts';
import { buildDemo } from './demo/school.ts';
import type { DemoPlaces, DemoStep } from './demo/story.ts';
import { assessStep, damageSteps, healthySteps, lastWords, restoreSteps } from './demo/story.ts';

export { openOwnCatalog } from './demo/own-catalog.ts';

export interface DemoOptions {
  /** Absolute; must not exist. Null for a temporary directory. */
  readonly directory: string | null;
  /** Leave everything where it is in the end. */
  readonly keep: boolean;
  /** How Rollcall is called here, for the commands that are shown. */
  readonly program: string;
  /** The words that run it here, quoted for a shell. */
  readonly realProgram: string;
  /** The environment of the commands: a catalog of the demo's own. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
}

const SEED = 20_261_121;

/** @throws RollcallError when the directory exists, a command fails that should not, or the demo is interrupted */
export async function playDemo(options: DemoOptions): Promise<void> {
  const { print } = options;
  refuseInterrupted(options.signal);
  const base = makeBase(options.directory);
  const shown: DemoPlaces = { program: options.program, bundle: `${base}/bundle`, copy: `${base}/copy` };
  const real: DemoPlaces = { ...shown, program: options.realProgram };
  let number = 0;
  const play = async (
    steps: readonly DemoStep[],
    realSteps: readonly DemoStep[],
    expected: readonly number[],
  ): Promise<void> => {
    for (const [index, step] of steps.entries()) {
      refuseInterrupted(options.signal);
      number++;
      print('');
      print(`== ${number}. ${step.title}`);
      for (const line of step.lines) print(line);
      const command = realSteps[index]?.command ?? null;
      if (step.command === null || command === null) continue;
      print(`$ ${step.command}`);
      const code = await shell(command, base, options);
      refuseInterrupted(options.signal);
      if (!expected.includes(code))
        throw new RollcallError(`The demo's command ended with ${code}, and ${expected.join(' or ')} was expected.`);
    }
  };
  try {
    const demo = await buildDemo(base, { seed: SEED, nowMs: options.nowMs() });
    await play(healthySteps(demo, shown), healthySteps(demo, real), [0]);
    const damage = await damageDemo(demo, options.nowMs);
    await play(damageSteps(demo, damage), damageSteps(demo, damage), [0]);
    await play([assessStep(demo, shown)], [assessStep(demo, real)], [EXIT.findings]);
    await play(restoreSteps(demo, shown), restoreSteps(demo, real), [0]);
    print('');
    for (const line of lastWords(damage)) print(line);
    if (options.keep) print(`Kept: ${base} (report: ${base}/bundle/report.html)`);
  } finally {
    if (!options.keep) removeBase(base);
  }
}

function refuseInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new RollcallError('Interrupted.', { exit: EXIT.interrupted });
}

/**
 * Resolves when the shell and all that it started have ended: what they write into must not be taken away under them.
 */
function shell(command: string, cwd: string, options: DemoOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    // A group of its own, which is interrupted as a whole, and once: a signal to the shell alone would leave its
    // commands running, and a terminal's own would reach them a second time, which means "at once".
    const child = spawn('sh', ['-c', command], {
      cwd,
      env: options.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const interrupt = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
      } catch {
        // All of the group has ended just now.
      }
    };
    options.signal.addEventListener('abort', interrupt, { once: true });
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) options.print(`  ${line}`);
      });
      stream.on('end', () => {
        if (rest !== '') options.print(`  ${rest}`);
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      options.signal.removeEventListener('abort', interrupt);
      resolve(code ?? EXIT.interrupted);
    });
  });
}
