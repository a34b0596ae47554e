// One command's hold on the catalog: the server that DATABASE_URL names, or the embedded one; migrated, and given up in
// the end.
import type { Database, DatabaseAddress } from './catalog/database.ts';

/** What its failures mean to an operator. */
export { databaseAdvice } from './catalog/advice.ts';

/** Where the catalog is. */
export interface SessionPlace {
  /** Absolute; of the embedded database, unused where databaseUrl is set. */
  readonly stateDir: string;
  readonly databaseUrl: string | null;
  /** The directory of Postgres' programs; null for those that come with Rollcall. */
  readonly pgBin: string | null;
}

export interface Session {
  /** Plain data for worker threads and the queue. */
  readonly address: DatabaseAddress;
  readonly db: Database;
  /** Ends all connections of db; stops the embedded server if nobody else uses it. Safe to call twice. */
  readonly close: () => Promise<void>;
}

export interface SessionOptions {
  readonly now: () => number;
  readonly log: (line: string) => void;
  readonly applicationName: string;
  /** False: whoever closes it has asked the embedded server to stop, and does not wait until it has. */
  readonly waits?: boolean;
}

/** Throws RollcallError where an operator can do something about it. */
export async function openSession(place: SessionPlace, options: SessionOptions): Promise<Session> {
  // The server is started first, and what speaks to it is loaded meanwhile.
  const opening = openServer(place, options);
  opening.catch(() => undefined);
  const [{ openPool }, { migrate }] = await Promise.all([
    import('./catalog/database.ts'),
    import('./catalog/migrate.ts'),
  ]);
  const { address, release, trouble } = await opening;
  const db = openPool(address, { applicationName: options.applicationName, trouble });
  const close = async (): Promise<void> => {
    try {
      await db.close();
    } finally {
      await release();
    }
  };
  try {
    await migrate(db);
  } catch (error) {
    await close();
    throw error;
  }
  let closing: Promise<void> | null = null;
  return {
    address,
    db,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

async function openServer(
  place: SessionPlace,
  { now, log, waits = true }: SessionOptions,
): Promise<Pick<Session, 'address'> & Pick<Database, 'trouble'> & { readonly release: () => Promise<void> }> {
  if (place.databaseUrl !== null) {
    return {
      address: { connectionString: place.databaseUrl },
      release: () => Promise.resolve(),
      trouble: () => Promise.resolve(null),
    };
  }
  const { openEmbedded } = await import('./embedded/embedded.ts');
  const embedded = await openEmbedded({ stateDir: place.stateDir, now, binDir: place.pgBin ?? undefined, log, waits });
  return { address: embedded.address, release: () => embedded.close(), trouble: () => embedded.trouble() };
}
