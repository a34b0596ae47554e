// What the bodies of commands that scan have in common: threads and catalog as the options say, and progress on the
// terminal.
import { withScanTools as withTools } from '../services/scan-session.ts';
import { debugTo } from '../services/process/debug.ts';
import type { Context } from './command.ts';
import type { Session } from '../services/session.ts';
import type { Gentle } from './commands/gentle-options.ts';

type Opened = Parameters<Parameters<typeof withTools>[2]>[0];

/** @param load imports what does the work, while the database and the first thread start */
export async function withScanTools<T, Loaded>(
  context: Context,
  args: { readonly threads: number | null; readonly gentle: Gentle },
  load: () => Promise<Loaded>,
  work: (loaded: Loaded, opened: Opened) => Promise<T>,
): Promise<T> {
  const { output } = context;
  const options = {
    threadsMax: args.threads,
    bytesPerSecond: args.gentle.bytesPerSecond,
    host: context.config.host,
    nowMs: context.now,
    signal: context.signal,
    onProgress: (doing, { filesExpected = null, ...progress }) =>
      output.progress({ doing, ...progress, filesExpected }),
    onNotice: (text) => output.note(text),
    debug: debugTo(context.config.debug, output.note),
  } satisfies Parameters<typeof withTools>[0];
  const open = async (): Promise<Session> => {
    const opening = context.session();
    // What fails here fails again where it is waited for.
    opening.catch(() => {});
    // Loading keeps this thread busy for a while: not before the server's process is there, which takes no waiting.
    await new Promise((resolve) => setImmediate(resolve));
    await load();
    return opening;
  };
  try {
    return await withTools(options, open, async (opened) => work(await load(), opened));
  } finally {
    output.done();
  }
}
