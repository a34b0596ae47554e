// What the bodies of commands that scan have in common: threads, host, owners, and progress on the terminal.
import { hostname } from 'node:os';
import { ownersOfMachine } from '../../services/files/owners.ts';
import type { ScanTools } from '../../services/scan/scan-volume.ts';
import { openThreads } from '../../services/scan/pool.ts';
import type { ThreadPool } from '../../services/scan/pool.ts';
import type { Context } from '../command.ts';
import type { Session } from '../session.ts';

export interface OpenedTools {
  readonly session: Session;
  readonly tools: ScanTools;
  readonly threads: ThreadPool;
  readonly owners: ReadonlyMap<number, string>;
}

/** Opens the catalog and the threads, runs the work, and closes the threads whatever happens. The door closes the catalog. */
export async function withScanTools<T>(
  context: Context,
  threadsMax: number | null,
  work: (opened: OpenedTools) => Promise<T>,
): Promise<T> {
  const session = await context.session();
  const threads = openThreads(session.address, threadsMax ?? undefined);
  const tools: ScanTools = {
    db: session.db,
    threads,
    host: hostname(),
    nowMs: context.now,
    signal: context.signal,
    onProgress: (doing, { files, bytes }) => context.output.progress({ doing, files, bytes, filesExpected: null }),
    onNotice: (text) => context.output.note(text),
  };
  try {
    return await work({ session, tools, threads, owners: ownersOfMachine() });
  } finally {
    context.output.done();
    await threads.close();
  }
}
