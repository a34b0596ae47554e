// A session that scans: the threads, the catalog, and what the work needs of this machine.
import type { DatabaseAddress } from './catalog/database.ts';
import { limitReading } from './process/pace.ts';
import { ownersOfMachine } from './process/owners.ts';
import { openThreads } from './scan/pool.ts';
import type { ScanTools } from './scan/scan-volume.ts';
import type { Session } from './session.ts';

export interface ScanSessionOptions extends Omit<ScanTools, 'db' | 'threads'> {
  /** Null for one per core. */
  readonly threadsMax: number | null;
  /** Null for no limit. */
  readonly bytesPerSecond: number | null;
}

interface Opened {
  readonly tools: ScanTools;
  /** Names of users, by uid. */
  readonly owners: ReadonlyMap<number, string>;
}

/**
 * Opens the threads and the catalog, runs the work, and closes the threads whatever happens. Whoever opened the catalog
 * closes it.
 */
export async function withScanTools<T>(
  { threadsMax, bytesPerSecond, ...options }: ScanSessionOptions,
  open: () => Promise<Session>,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  // The threads start while the database does.
  let address: DatabaseAddress | null = null;
  const threads = openThreads(
    () => {
      if (address === null) throw new Error('a shard before the catalog was opened');
      return address;
    },
    threadsMax ?? undefined,
    { pace: limitReading(bytesPerSecond) },
  );
  try {
    const session = await open();
    ({ address } = session);
    const tools = { ...options, db: session.db, threads };
    return await work({ tools, owners: ownersOfMachine() });
  } finally {
    await threads.close();
  }
}
