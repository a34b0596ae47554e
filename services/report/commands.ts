// The commands that follow from an assessment, in the order in which they are to be run. Pure.
import type { Picture } from '../../domain/picture.ts';
import type { Assessment } from '../../domain/assessment.ts';
import type { ReportInput } from './present.ts';
import { baseName } from '../../domain/path.ts';
import { operand, shellWord } from './wording.ts';

/** One step for a person: what it is for, and the line to type. */
export interface Step {
  readonly why: string;
  readonly command: string;
}

/** The assessment of a live volume, by its patterns as they were typed; what did not change since is not read again. */
export function assessCommand(program: string, livePath: string, patterns: readonly string[]): string {
  const backups = patterns.map((pattern) => ` --backup ${shellWord(pattern)}`);
  return `${program} assess --live ${shellWord(livePath)}${backups.join('')}`;
}

/**
 * Where to find the job that would destroy history. Run on the backup server; nothing here changes anything by itself.
 */
export const STOP_STEPS: readonly Step[] = [
  { why: 'find the nightly job and the pruning', command: 'systemctl list-timers --all; crontab -l; ls /etc/cron.*' },
  { why: 'stop a timer, or comment out its line in the crontab', command: 'systemctl stop NAME.timer NAME.service' },
];

/** The same as the one that this comes from was made. */
export function assessAgain(
  program: string,
  { livePath, liveHost, series }: Pick<Assessment, 'livePath' | 'liveHost' | 'series'>,
): string {
  const patterns = series.map(({ pattern }) => pattern);
  const isJoined = patterns.some((pattern) => HOST_FIRST.test(pattern));
  return assessCommand(program, isJoined && liveHost !== null ? `${liveHost}:${livePath}` : livePath, patterns);
}

/** As services/typed/placed.ts reads it. */
const HOST_FIRST = /^[A-Za-z0-9][A-Za-z0-9._-]*:\//;

/**
 * Dry run, restore and proof, with the options that the lists of this bundle call for. Empty without a bundle or lists.
 */
export function restoreSteps(input: ReportInput): Step[] {
  if (input.bundle === null || (input.lists.length === 0 && input.directories === 0 && input.links === 0)) return [];
  const { targetHost } = input;
  const written = operand(input.bundle);
  // Where it was taken, in the home of whoever took it.
  const bundle = targetHost === null ? written : operand(`./${baseName(input.bundle)}`);
  const target = shellWord(input.target);
  const there = targetHost === null ? '' : `on ${targetHost}: `;
  const options = [
    ...(['damaged', 'older'] as const).flatMap((need) =>
      input.lists.some(({ needs }) => needs.includes(need)) ? [`--${need}`] : [],
    ),
    ...(input.remote ? ['--source HOST:'] : []),
  ];
  const script = `sh ${bundle}/restore.sh`;
  const line = (first: readonly string[]): string => [script, ...first, ...options, target].join(' ');
  return [
    ...(targetHost === null
      ? []
      : [
          {
            why: `take the bundle to ${targetHost}, where the volume is`,
            command: `rsync -a ${written} ${targetHost}:`,
          },
        ]),
    { why: `${there}see what would be restored; nothing is written`, command: line([]) },
    { why: `${there}restore the files`, command: line(['--apply']) },
    { why: `${there}check the restored files byte for byte`, command: `${input.program} verify ${bundle} ${target}` },
  ];
}

/** The dry run and what comes before it, as the last lines of an answer: what is said, then what is typed. */
export function firstSteps(input: ReportInput): readonly { readonly text: string; readonly command: string }[] {
  const [first, second] = restoreSteps(input);
  if (first === undefined) return [];
  const dry = 'a dry run; the same with --apply restores the files:';
  if (input.targetHost === null || second === undefined) return [{ text: `Next, ${dry}`, command: first.command }];
  return [
    { text: `Next, ${first.why}:`, command: first.command },
    { text: `Then, on ${input.targetHost}, ${dry}`, command: second.command },
  ];
}

/**
 * The dry run that is left where everything that can be restored is left out by default, and what to say before it;
 * null where there is nothing to restore.
 */
export function leftOutStep(
  input: ReportInput & { readonly bundle: string },
  { personDeleted, uncertain }: Pick<Picture, 'personDeleted' | 'uncertain'>,
): { readonly text: string; readonly step: Step } | null {
  if (personDeleted.files + uncertain.files === 0) return null;
  const options = [
    ...(personDeleted.files > 0 ? ['--person-deleted'] : []),
    ...(uncertain.files > 0 ? ['--uncertain'] : []),
    ...(input.remote ? ['--source HOST:'] : []),
  ].join(' ');
  return {
    text:
      uncertain.files === 0
        ? 'A person probably deleted everything that can be restored. If that was a mistake, start with this dry run (--apply restores it):'
        : 'Everything that can be restored may have been deleted on purpose. If it was not, start with this dry run (--apply restores it):',
    step: {
      why: 'see what would be restored of what may have been deleted on purpose',
      command: `sh ${operand(input.bundle)}/restore.sh ${options} ${shellWord(input.target)}`,
    },
  };
}
