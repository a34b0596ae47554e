// The commands that follow from an assessment, in the order in which they are to be run. Pure.
import type { Picture } from '../../domain/picture.ts';
import type { Assessment } from '../../domain/assessment.ts';
import type { ReportInput } from './present.ts';
import { spelledOn } from '../../domain/gluster/named.ts';
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
  return assessCommand(program, isJoined && liveHost !== null ? spelledOn(liveHost, livePath) : livePath, patterns);
}

/** As services/typed/placed.ts reads it. */
const HOST_FIRST = /^[A-Za-z0-9][A-Za-z0-9._-]*:\//;

/** Stands for the client mount of a volume that was read from its bricks. */
export const MOUNT = 'MOUNT';

/** Stands for the directory that hidden files are copied to. */
const STAGING = 'STAGING';

type Rescue = NonNullable<ReportInput['rescue']>;

/** The script that copies what is hidden off the bricks of one of several hosts. */
export function rescueScript(host: string): string {
  return `rescue-${host}.sh`;
}

/**
 * Off the bricks, before anything looks at the volume. Where they are on several hosts, each has its own part.
 * @param written where the bundle is now
 * @param bundle as the commands name it
 */
function offSteps(written: string, bundle: string, { files, unnamed, hosts }: Rescue): Step[] {
  const hidden = [
    ...(files === 0 ? [] : [`${files} hidden ${files === 1 ? 'file' : 'files'}`]),
    ...(unnamed === 0 ? [] : [`${unnamed} ${unnamed === 1 ? 'file' : 'files'} without a name`]),
  ].join(' and ');
  const why = `before anything looks at the volume through a mount, copy the ${hidden} off the bricks; ${STAGING} is a new directory on another file system, with room for them. Do not go on before it says that none failed`;
  const line = (at: string, script: string): string =>
    `mkdir -p -m 700 ${STAGING} && sh ${at}/rescue/${script} --apply ${STAGING}`;
  if (hosts.length === 0) return [{ why, command: line(bundle, 'rescue.sh') }];
  const there = operand(`./${baseName(written)}`);
  return hosts.flatMap((host) => [
    {
      why: `take the bundle to ${host}, which has bricks with hidden files`,
      command: `rsync -a ${operand(written)} ${host}:`,
    },
    { why: `on ${host}: ${why}`, command: line(there, rescueScript(host)) },
  ]);
}

/** What several hosts have copied goes back from one place. */
function togetherSteps({ hosts }: Rescue): Step[] {
  if (hosts.length === 0) return [];
  const why = `bring together in one ${STAGING}, where the volume will be mounted, what each HOST has copied (${hosts.join(', ')})`;
  return [{ why, command: `rsync -aHS --ignore-existing HOST:${STAGING}/ ${STAGING}/` }];
}

/** The volume as it has to be before files are put back, and its mount. */
function wholeSteps({ mountedBy, rescue }: ReportInput): Step[] {
  const volume = shellWord(mountedBy?.volume ?? 'VOLUME');
  const source = mountedBy === null ? 'SERVER:/VOLUME' : shellWord(`${mountedBy.server}:/${mountedBy.volume}`);
  const finishing: Step[] = [
    { why: 'start the bricks that are down', command: `gluster volume start ${volume} force` },
    {
      why: 'finish the rebalance that was broken off, which also makes unreachable names reachable',
      command: `gluster volume rebalance ${volume} start force`,
    },
    { why: 'wait until this says completed', command: `gluster volume rebalance ${volume} status` },
  ];
  return [
    ...(rescue === null ? [] : finishing),
    {
      why: `mount the volume; ${MOUNT} is the directory where it is mounted`,
      command: `mount -t glusterfs ${source} ${MOUNT}`,
    },
  ];
}

/** Through the mount. */
function backSteps(bundle: string, { files, proven }: Rescue): Step[] {
  const script = `sh ${bundle}/rescue/rescue.sh --back`;
  const confirmed: Step = {
    why: 'put back the rescued files that a backup confirms',
    command: `${script} --apply ${STAGING} ${MOUNT}`,
  };
  const others: Step = {
    why: `look at the other rescued files in ${STAGING}, then put them back: no backup confirms them, so they may be newer than every backup, or not written to their end`,
    command: `${script} --unproven --apply ${STAGING} ${MOUNT}`,
  };
  return [...(proven > 0 ? [confirmed] : []), ...(files > proven ? [others] : [])];
}

/** Words that stand before a bundle's commands; where it was taken, in the home of whoever took it. */
function bundleWord({ bundle, targetHost }: ReportInput & { readonly bundle: string }): string {
  return operand(targetHost === null ? bundle : `./${baseName(bundle)}`);
}

function isEmpty(input: ReportInput): boolean {
  return input.lists.length === 0 && input.directories === 0 && input.links === 0;
}

/** Dry run, restore and proof, with the options that the lists of this bundle call for. */
function puttingBack(input: ReportInput & { readonly bundle: string }): { dry: Step; apply: Step; verify: Step } {
  const bundle = bundleWord(input);
  const target = shellWord(input.target);
  const there = input.targetHost === null ? '' : `on ${input.targetHost}: `;
  const options = [
    ...(['damaged', 'older'] as const).flatMap((need) =>
      input.lists.some(({ needs }) => needs.includes(need)) ? [`--${need}`] : [],
    ),
    ...(input.remote ? ['--source HOST:'] : []),
    ...(input.onBricks ? ['--bricks-rescued'] : []),
  ];
  const line = (first: readonly string[]): string =>
    [`sh ${bundle}/restore.sh`, ...first, ...options, target].join(' ');
  const verify = `${input.program} verify ${bundle} ${target}${input.onBricks ? ' --bricks-rescued' : ''}`;
  return {
    dry: { why: `${there}see what would be restored; nothing is written`, command: line([]) },
    apply: { why: `${there}restore the files`, command: line(['--apply']) },
    verify: { why: `${there}check the restored files byte for byte`, command: verify },
  };
}

function takeStep({ bundle, targetHost }: ReportInput & { readonly bundle: string }): Step | null {
  if (targetHost === null) return null;
  const why = `take the bundle to ${targetHost}, where the volume is`;
  return { why, command: `rsync -a ${operand(bundle)} ${targetHost}:` };
}

function withBundle(input: ReportInput): (ReportInput & { readonly bundle: string }) | null {
  const { bundle } = input;
  return bundle === null || (isEmpty(input) && input.rescue === null) ? null : { ...input, bundle };
}

/** All of it, in order. Empty without a bundle or lists. */
export function restoreSteps(input: ReportInput): Step[] {
  const given = withBundle(input);
  if (given === null) return [];
  const { rescue, onBricks } = given;
  const bundle = bundleWord(given);
  const take = takeStep(given);
  const { dry, apply, verify } = puttingBack(given);
  return [
    ...(take === null ? [] : [take]),
    ...(rescue === null ? [] : [...offSteps(given.bundle, bundle, rescue), ...togetherSteps(rescue)]),
    ...(onBricks ? wholeSteps(given) : []),
    ...(rescue === null ? [] : backSteps(bundle, rescue)),
    ...(isEmpty(given) ? [] : [dry, apply]),
    verify,
  ];
}

/** The dry run and what comes before it, as the last lines of an answer: what is said, then what is typed. */
export function firstSteps(input: ReportInput): readonly { readonly text: string; readonly command: string }[] {
  const given = withBundle(input);
  if (given === null) return [];
  if (given.rescue !== null) {
    const text =
      'Do not look at the volume through any mount. Next, copy the hidden files off the bricks (STAGING: a new directory on another file system), then follow README.txt:';
    return offSteps(given.bundle, operand(given.bundle), given.rescue).map(({ why, command }, at) => {
      return { text: at === 0 ? text : `Then, ${why}:`, command };
    });
  }
  const { dry } = puttingBack(given);
  const take = takeStep(given);
  const text = 'a dry run; the same with --apply restores the files:';
  const mounted = given.onBricks ? `with the volume mounted at ${MOUNT}, ` : '';
  if (take === null) return [{ text: `Next, ${mounted}${text}`, command: dry.command }];
  return [
    { text: `Next, ${take.why}:`, command: take.command },
    { text: `Then, on ${given.targetHost ?? ''}, ${mounted}${text}`, command: dry.command },
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
