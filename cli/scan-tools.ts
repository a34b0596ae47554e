// What the bodies of commands that scan have in common: threads, host, owners, and progress on the terminal.
import { hostname } from 'node:os';
import type { DatabaseAddress } from '../services/catalog/database.ts';
import { limitReading } from '../services/files/pace.ts';
import { ownersOfMachine } from '../services/files/owners.ts';
import type { ScanTools } from '../services/scan/scan-volume.ts';
import { openThreads } from '../services/scan/pool.ts';
import type { ThreadPool } from '../services/scan/pool.ts';
import type { Context } from './command.ts';
import type { Gentle } from './commands/gentle-options.ts';
import type { Session } from '../services/session.ts';

interface OpenedTools {
  readonly tools: ScanTools;
  readonly owners: ReadonlyMap<number, string>;
}

/** Opens the catalog and the threads, runs the work, and closes the threads whatever happens. The door closes the catalog. */
export async function withScanTools<T>(
  context: Context,
  { threads: threadsMax, gentle }: { readonly threads: number | null; readonly gentle: Gentle },
  work: (opened: OpenedTools) => Promise<T>,
): Promise<T> {
  // The threads start while the database does.
  let address: DatabaseAddress | null = null;
  const pace = limitReading(gentle.bytesPerSecond);
  const threads = openThreads(
    () => {
      if (address === null) throw new Error('a shard before the catalog was opened');
      return address;
    },
    threadsMax ?? undefined,
    pace,
  );
  try {
    const session = await context.session();
    ({ address } = session);
    return await work({ tools: toolsOf(context, session, threads), owners: ownersOfMachine() });
  } finally {
    context.output.done();
    await threads.close();
  }
}

function toolsOf(context: Context, session: Session, threads: ThreadPool): ScanTools {
  return {
    db: session.db,
    threads,
    host: hostname(),
    nowMs: context.now,
    signal: context.signal,
    onProgress: (doing, { filesExpected = null, ...progress }) =>
      context.output.progress({ doing, ...progress, filesExpected }),
    onNotice: (text) => context.output.note(text),
  };
}
