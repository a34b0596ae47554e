// `assess` where live and backup lie on several hosts: leaves it for the workers there, follows it, and writes the
// bundle here.
import { EXIT, RollcallError, worstExit, type ExitCode } from '../domain/exit.ts';
import type { Assessment } from '../domain/assessment.ts';
import type { TaskAnswer } from '../services/follow.ts';
import type { BundleSummary } from '../services/assess.ts';
import type { JoinedRequest } from '../services/joined-request.ts';
import { answerJson } from '../services/report/json.ts';
import { renderAssessment } from '../services/report/terminal/assessment.ts';
import type { PartRequest } from '../services/typed/asked.ts';
import type { Context } from './command.ts';
import type { ScanRequest } from '../services/scan.ts';
import { refuseRedisUrl } from '../services/typed/redis-url.ts';
import type { ScanSettings } from './commands/scan-options.ts';
import { followHere, waitHere, wakeWorkers } from './follow.ts';

/** One for each live volume, in the order given; with where its bundle goes as typed, null for ./rollcall-TIME. */
export type JoinedAsked = Omit<JoinedRequest, 'out' | 'program'> & { readonly outDir: string | null };

export async function assessJoined(
  context: Context,
  asked: readonly JoinedAsked[],
  args: Pick<ScanSettings, 'detach' | 'json' | 'threads' | 'gentle'>,
): Promise<ExitCode> {
  const { config, output } = context;
  const { detach, json } = args;
  refuseAlone(context, args);
  const exits: ExitCode[] = [];
  const answers: unknown[] = [];
  for (const { outDir, ...request } of asked) {
    const id = await leaveHere(context, request, detach ? outDir : null);
    if (detach) {
      answers.push({ task: Number(id) });
      if (!json) output.line(`Queued as task ${id}. ${config.program} wait ${id} follows it.`);
      continue;
    }
    const made = await answerHere(context, id, { outDir, part: request.part });
    exits.push(made.exit);
    answers.push(answerJson(made.assessment, made.bundle));
    if (json) continue;
    if (exits.length > 1) output.line();
    if (made.assessment.liveHost !== config.host) output.line(`On ${made.assessment.liveHost}:`);
    for (const line of renderAssessment(made.assessment, made.bundle?.report ?? null, output)) output.line(line);
  }
  if (json) output.json(answers.length === 1 ? answers[0] : answers);
  return exits.length === 0 ? EXIT.nothing : worstExit(exits);
}

/** `scan` of what lies on another host: left for the workers there, and followed unless --detach is given. */
export async function scanOn(
  context: Context,
  host: string,
  request: ScanRequest,
  args: Pick<ScanSettings, 'detach' | 'json' | 'threads' | 'gentle'>,
): Promise<ExitCode> {
  refuseAlone(context, args);
  if (request.exportFile !== null)
    throw new RollcallError('An export is written where the snapshots are.', {
      next: `Run it there: rollcall scan PATTERN --export FILE on ${host}. With one catalog no export is needed.`,
    });
  const { session, config, output, now } = context;
  const { leaveScanOn } = await import('../services/detach.ts');
  const { db } = await session();
  const id = await leaveScanOn(db.pool, { host, scan: request, program: config.program, nowMs: now() });
  await wakeWorkers(context, [{ id, kind: 'scan', host }]);
  if (!args.detach) return waitHere(context, id, args.json);
  if (args.json) output.json({ task: Number(id), host });
  else output.line(`Queued as task ${id} for workers on ${host}. ${config.program} wait ${id} follows it.`);
  return EXIT.nothing;
}

/** What lies on other hosts is read by their workers, at the pace that they were told, by way of one catalog. */
function refuseAlone({ config }: Context, { threads, gentle }: Pick<ScanSettings, 'threads' | 'gentle'>): void {
  if (config.redisUrl !== null) refuseRedisUrl(config.redisUrl);
  if (threads !== null || gentle.idle || gentle.bytesPerSecond !== null) {
    throw new RollcallError('--bwlimit, --idle and --threads are for the process that reads.', {
      next: 'Give them to rollcall worker on that host.',
    });
  }
  if (config.databaseUrl !== null) return;
  throw new RollcallError('Other hosts are reached through one catalog that all of them share.', {
    next: 'Set DATABASE_URL, here and where their workers run (docs/queue.md). Or, with a catalog on each host: rollcall scan PATTERN --export FILE on the host of the backup, then --backup FILE here.',
  });
}

/** @param outDir where a worker of this host writes the bundle; null where nobody does */
async function leaveHere(
  context: Context,
  request: Omit<JoinedRequest, 'out' | 'program'>,
  outDir: string | null,
): Promise<bigint> {
  const [{ leaveJoined }, { workingDirectory }] = await Promise.all([
    import('../services/joined.ts'),
    import('../services/process/working-directory.ts'),
  ]);
  const { db } = await context.session();
  const { host, program } = context.config;
  const out = outDir === null ? null : { host, directory: absolute(outDir, workingDirectory()) };
  const id = await leaveJoined(db.pool, { ...request, program, out }, context.now());
  await wakeWorkers(context, [{ id, kind: 'assess-hosts', host: null }]);
  return id;
}

/** Follows it to its end, and writes the bundle where one is wanted. */
async function answerHere(
  context: Context,
  id: bigint,
  { outDir, part }: { readonly outDir: string | null; readonly part: PartRequest | null },
): Promise<{ assessment: Assessment; bundle: BundleSummary | null; exit: ExitCode }> {
  const { session } = context;
  const { reopenAssessment } = await import('../services/joined-work.ts');
  const { db } = await session();
  const answer = await followHere(context, id);
  const { assessment, wantsBundle, exit, message, next } = answer as TaskAnswer & {
    assessment?: string;
    wantsBundle?: boolean;
  };
  if (assessment === undefined)
    throw new RollcallError(message, { exit: exit as ExitCode, ...(next === null ? {} : { next }) });
  if (wantsBundle === true) return writeAssessment(context, assessment, { out: outDir, part });
  return { assessment: await reopenAssessment(db.pool, BigInt(assessment)), bundle: null, exit: exit as ExitCode };
}

/** `bundle --assessment N`: on any machine that reaches the catalog. */
export async function writeAssessment(
  { session, config, now, signal }: Context,
  id: number | string,
  { out, part }: { readonly out: string | null; readonly part: PartRequest | null },
): Promise<Awaited<ReturnType<typeof import('../services/joined-work.ts')['bundleOfAssessment']>>> {
  const [{ bundleOfAssessment }, { freeBundleName }, { workingDirectory }, { ownersOfMachine }] = await Promise.all([
    import('../services/joined-work.ts'),
    import('../services/assess.ts'),
    import('../services/process/working-directory.ts'),
    import('../services/process/owners.ts'),
  ]);
  const { db } = await session();
  const cwd = workingDirectory();
  return bundleOfAssessment(
    { db, host: config.host, nowMs: now, owners: ownersOfMachine(), signal, program: config.program },
    { id: BigInt(id), outDir: out === null ? () => freeBundleName({ cwd, nowMs: now }) : absolute(out, cwd), part },
  );
}

function absolute(typed: string, cwd: string): string {
  return typed.startsWith('/') ? typed : `${cwd === '/' ? '' : cwd}/${typed}`;
}
