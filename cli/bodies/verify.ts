// The body of `verify BUNDLE [TARGET]`.
import type { ExitCode } from '../../domain/exit.ts';
import { verify } from '../../services/verify.ts';
import { workingDirectory } from '../../services/files/location.ts';
import { limitReading } from '../../services/files/pace.ts';
import { bytes, count, operand, plural, shellWord } from '../../services/report/wording.ts';
import { isLeftToPerson, VERIFY_STATUSES } from '../../services/bundle/verify.ts';
import type { VerifyItem, VerifyResult, VerifyStatus } from '../../services/bundle/verify.ts';
import type { Context } from '../command.ts';
import type { VerifyArguments } from '../commands/verify.ts';
import { actor } from '../config.ts';

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
  for (const line of nextLines(result)) output.line(line);
  return result.exit;
}

/** The options of restore.sh that the waiting ones are waiting for. */
function optionsOf(items: readonly VerifyItem[]): string[] {
  const needs = items.filter(({ status }) => status === 'waiting').flatMap((item) => item.needs);
  return [...new Set(needs)].map((need) => `--${need}`).toSorted();
}

/** What is to be done now. What a person probably deleted is no finding, and said all the same: it is not back. */
function nextLines({ exit, items, bundle, target, isLive, leftToPersons, metadataDiffers }: VerifyResult): string[] {
  const restore = (options: readonly string[], of: readonly VerifyItem[]): string =>
    [
      `sh ${operand(bundle)}/restore.sh --apply`,
      ...options,
      ...(of.some(({ isRemote }) => isRemote) ? ['--source HOST:'] : []),
      shellWord(target),
    ].join(' ');
  if (exit !== 0) {
    const others = items.filter((item) => !isLeftToPerson(item));
    const having = (...statuses: VerifyStatus[]): VerifyItem[] =>
      others.filter(({ status }) => statuses.includes(status));
    const absent = having('missing', 'waiting');
    return [
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
