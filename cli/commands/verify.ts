// rollcall verify: reads what was restored again, file by file, against the bundle.
import type { Command } from 'commander';
import type { ExitCode } from '../../domain/exit.ts';
import type { VerifyItem, VerifyResult, VerifyStatus } from '../../services/verify.ts';
import { bytes, count, operand, plural, shellWord } from '../../services/report/wording.ts';
import { quietOption, type Context, type Run } from '../command.ts';
import { actor } from '../config.ts';
import { addGentleOptions, type Gentle, gentleOf, type GentleOptions } from './gentle-options.ts';

export interface VerifyArguments {
  readonly bundle: string;
  /** Where the files were restored to; null means the live root that the bundle names. */
  readonly target: string | null;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
  readonly gentle: Gentle;
  readonly json: boolean;
}

interface Options extends GentleOptions {
  readonly notGluster?: boolean;
  readonly bricksRescued?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly progress: boolean;
}

export function define(program: Command, run: Run): void {
  const command = program.command('verify');
  command
    .summary('check restored files byte for byte')
    .description(
      'Reads every file of a restore bundle again at its target and compares it byte for byte with the manifest. For the live root it closes the findings.',
    )
    .argument('<bundle>', 'the directory that assess wrote')
    .argument('[target]', 'where the files were restored to (default: the live root that the bundle names)')
    .option('--not-gluster', 'this FUSE mount of unknown type is not GlusterFS (fuse.glusterfs needs --bricks-rescued)')
    .option('--bricks-rescued', 'the bricks behind this GlusterFS mount were scanned, and their hidden files rescued');
  addGentleOptions(command)
    .addOption(quietOption())
    .option('--json', 'print the result as one JSON object')
    .option('--no-progress', 'no progress line on the terminal')
    .action(async (bundle: string, target: string | undefined, options: Options) => {
      const args: VerifyArguments = {
        bundle,
        target: target ?? null,
        notGluster: options.notGluster ?? false,
        bricksRescued: options.bricksRescued ?? false,
        gentle: gentleOf(options),
        json: options.json ?? false,
      };
      await run((context) => verifyBody(context, args), {
        json: options.json,
        quiet: options.quiet,
        progress: options.progress,
        threads: true,
        idle: options.idle === true,
      });
    });
}

const MEANING: Readonly<Record<VerifyStatus, string>> = {
  restored: 'restored, identical byte for byte',
  beside: 'old content restored beside the new one',
  waiting: 'not restored',
  missing: 'still missing',
  differs: 'different from what it should be',
  blocked: 'blocked: a symlink or something else is in the way',
  unreadable: 'could not be read',
};
const SHOWN_MAX = 20;

export async function verifyBody(context: Context, args: VerifyArguments): Promise<ExitCode> {
  const [{ isLeftToPerson, isRescued, verify, VERIFY_STATUSES }, { workingDirectory }, { limitReading }] =
    await Promise.all([
      import('../../services/verify.ts'),
      import('../../services/process/working-directory.ts'),
      import('../../services/process/pace.ts'),
    ]);
  limitReading(args.gentle.bytesPerSecond);
  const { output } = context;
  const { result, closed } = await verify(
    {
      bundle: args.bundle,
      target: args.target,
      notGluster: args.notGluster,
      bricksRescued: args.bricksRescued,
      cwd: workingDirectory(),
      actor: actor(),
      nowMs: context.now,
      signal: context.signal,
      onProgress: (files, read) => output.progress({ doing: 'verifying', files, bytes: read, filesExpected: null }),
    },
    async () => (await context.session()).db,
  );
  if (args.json) {
    output.json({ ...result, closed });
    return result.exit;
  }
  output.line(`${result.target}, compared with ${result.bundle}:`);
  for (const status of VERIFY_STATUSES) {
    const { files, bytes: size } = result.counts[status];
    if (files > 0 || status === 'restored') {
      const options = status === 'waiting' ? ` (add ${optionsOf(result.items).join(' ')})` : '';
      output.line(`  ${count(files).padStart(9)}  ${MEANING[status]}${options}${size > 0 ? ` (${bytes(size)})` : ''}`);
    }
  }
  if (result.metadataDiffers > 0)
    output.line(
      `  ${count(result.metadataDiffers).padStart(9)}  of these have another owner, mode, time or hard link than before`,
    );
  const wrong = result.items.filter(
    ({ status }) => status !== 'restored' && status !== 'beside' && status !== 'waiting',
  );
  const show = (items: readonly VerifyItem[], textOf: (item: VerifyItem) => string): void => {
    for (const item of items.slice(0, SHOWN_MAX)) output.line(`  ${textOf(item)}`);
    if (items.length > SHOWN_MAX) output.line(`  … and ${count(items.length - SHOWN_MAX)} more (--json prints all)`);
  };
  show(wrong, ({ status, destination, detail }) => `${status}: ${destination}${detail === null ? '' : `: ${detail}`}`);
  show(
    result.items.filter(({ metadata }) => metadata.length > 0),
    ({ metadata, destination }) => `another ${metadata.join(', ')}: ${destination}`,
  );
  if (closed !== null && closed > 0) output.line(`${plural(closed, 'finding')} closed.`);
  const accepted = args.bricksRescued ? ['--bricks-rescued'] : [];
  for (const line of nextLines(result, { isLeftToPerson, isRescued, accepted })) output.line(line);
  return result.exit;
}

/** The options of restore.sh that the waiting ones are waiting for. */
function optionsOf(items: readonly VerifyItem[]): string[] {
  const needs = items.filter(({ status }) => status === 'waiting').flatMap((item) => item.needs);
  return [...new Set(needs)].map((need) => `--${need}`).toSorted();
}

/** What is to be done now. What a person probably deleted is no finding, and said all the same: it is not back. */
function nextLines(
  { exit, items, bundle, target, isLive, leftToPersons, metadataDiffers }: VerifyResult,
  tools: {
    readonly isLeftToPerson: (item: VerifyItem) => boolean;
    readonly isRescued: (item: VerifyItem) => boolean;
    /** What the person who verifies has said of the target. */
    readonly accepted: readonly string[];
  },
): string[] {
  const { isLeftToPerson, isRescued } = tools;
  const restore = (options: readonly string[], of: readonly VerifyItem[]): string =>
    [
      `sh ${operand(bundle)}/restore.sh --apply`,
      ...options,
      ...tools.accepted,
      ...(of.some(({ isRemote }) => isRemote) ? ['--source HOST:'] : []),
      shellWord(target),
    ].join(' ');
  if (exit !== 0) {
    const others = items.filter((item) => !isLeftToPerson(item));
    const having = (...statuses: VerifyStatus[]): VerifyItem[] =>
      others.filter(({ status }) => statuses.includes(status));
    const absent = having('missing', 'waiting').filter((item) => !isRescued(item));
    const rescued = having('missing').filter(isRescued);
    return [
      ...(rescued.length > 0
        ? [
            `Next, put back what was rescued from the bricks: sh ${operand(bundle)}/rescue/rescue.sh --back --unproven --apply STAGING ${shellWord(target)}`,
          ]
        : []),
      ...(absent.length > 0 ? [`Next: ${restore(optionsOf(others), absent)}   (README.txt there says more)`] : []),
      ...(having('differs').length > 0
        ? [
            'Different files were created or changed since; restore.sh leaves them alone. To get the old content, move them aside and run restore.sh again.',
          ]
        : []),
      ...(having('blocked').length > 0 ? ['Move aside what is in the way, then run restore.sh again.'] : []),
      ...(having('unreadable').length > 0
        ? [`For what cannot be read, run: rollcall doctor ${shellWord(target)}`]
        : []),
    ];
  }
  if (leftToPersons > 0)
    return [
      `${leftToPersons < items.length ? 'Everything else was restored. ' : ''}Not restored: ${plural(leftToPersons, 'path')} a person probably deleted. If that was a mistake:`,
      `  ${restore(['--person-deleted'], items.filter(isLeftToPerson))}`,
    ];
  if (metadataDiffers > 0)
    return [
      `All content was restored; ${plural(metadataDiffers, 'path')} with another owner, mode, time or hard link than in ${operand(bundle)}/manifest.jsonl.`,
      'Run restore.sh as root to set owners that a run without root could not set, or use chown, chmod and touch.',
    ];
  return [isLive ? 'Everything was restored. The next backup will cover it.' : 'Everything was restored.'];
}
