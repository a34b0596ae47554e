// What the bodies of commands that scan have in common: threads and catalog as the options say, and progress on the
// terminal.
import { withScanTools as withTools } from '../services/scan-session.ts';
import type { Context } from './command.ts';
import type { Gentle } from './commands/gentle-options.ts';

type Work<T> = Parameters<typeof withTools<T>>[2];

export async function withScanTools<T>(
  context: Context,
  args: { readonly threads: number | null; readonly gentle: Gentle },
  work: Work<T>,
): Promise<T> {
  const { output } = context;
  const options = {
    threadsMax: args.threads,
    bytesPerSecond: args.gentle.bytesPerSecond,
    nowMs: context.now,
    signal: context.signal,
    onProgress: (doing, { filesExpected = null, ...progress }) =>
      output.progress({ doing, ...progress, filesExpected }),
    onNotice: (text) => output.note(text),
  } satisfies Parameters<typeof withTools>[0];
  try {
    return await withTools(options, context.session, work);
  } finally {
    output.done();
  }
}
