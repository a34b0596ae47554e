// The body of `verify BUNDLE [TARGET]`.
import { userInfo } from 'node:os';
import type { ExitCode } from '../../domain/exit.ts';
import { verify } from '../../services/audit/verify.ts';
import { workingDirectory } from '../../services/files/location.ts';
import { bytes, count } from '../../services/restore/wording.ts';
import { VERIFY_STATUSES } from '../../services/restore/verify.ts';
import type { VerifyStatus } from '../../services/restore/verify.ts';
import type { Context } from '../command.ts';
import type { VerifyArguments } from '../commands/verify.ts';

const MEANING: Readonly<Record<VerifyStatus, string>> = {
  restored: 'back, bit for bit',
  beside: 'old content put beside what lies there',
  waiting: 'left for an option of restore.sh',
  missing: 'still missing',
  differs: 'there, but not what it should be',
  blocked: 'blocked: a link or something else is in the way',
  unreadable: 'could not be read',
};
const SHOWN_MAX = 20;

export async function verifyBody(context: Context, args: VerifyArguments): Promise<ExitCode> {
  const { output } = context;
  const { result, closed } = await verify(
    {
      bundle: args.bundle,
      target: args.target,
      riskAccepted: args.notGluster || args.bricksRescued,
      cwd: workingDirectory(),
      actor: userInfo().username,
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
  output.line(`${result.target}, held against ${result.bundle}:`);
  for (const status of VERIFY_STATUSES) {
    const { files, bytes: size } = result.counts[status];
    if (files > 0 || status === 'restored') {
      output.line(`  ${count(files).padStart(9)}  ${MEANING[status]}${size > 0 ? ` (${bytes(size)})` : ''}`);
    }
  }
  if (result.metadataDiffers > 0)
    output.line(
      `  ${count(result.metadataDiffers).padStart(9)}  of these have another owner, mode, time or link than before`,
    );
  const wrong = result.items.filter(
    ({ status }) => status !== 'restored' && status !== 'beside' && status !== 'waiting',
  );
  for (const item of wrong.slice(0, SHOWN_MAX)) {
    output.line(`  ${item.status}: ${item.destination}${item.detail === null ? '' : `: ${item.detail}`}`);
  }
  if (wrong.length > SHOWN_MAX) output.line(`  … and ${count(wrong.length - SHOWN_MAX)} more (--json prints all)`);
  if (closed !== null) output.line(`${count(closed)} findings are closed.`);
  if (result.exit === 0) output.line('Everything that was to come back is back.');
  else
    output.line(`Next: sh ${result.bundle}/restore.sh --apply ${result.target}   (README.txt there names the options)`);
  return result.exit;
}
