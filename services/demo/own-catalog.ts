// A catalog of the demo's own, in a temporary directory that goes with it: it touches nothing of anybody's, and leaves
// nothing behind.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../embedded/embedded.ts';
import type { EmbeddedOptions } from '../embedded/embedded.ts';
import { MADE_USER } from '../embedded/server-user.ts';

export interface OwnCatalog {
  /** For DATABASE_URL. */
  readonly url: string;
  /**
   * What it had to make on this machine, and does not take away: a system user, with how to remove it. Null for
   * nothing.
   */
  readonly made: string | null;
  close(): Promise<void>;
}

export async function openOwnCatalog(options: Omit<EmbeddedOptions, 'stateDir'>): Promise<OwnCatalog> {
  const stateDir = mkdtempSync(join(tmpdir(), 'rollcall-demo-catalog-'));
  const remove = (): void => rmSync(stateDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  let made: string | null = null;
  try {
    // The database's own user passes through.
    chmodSync(stateDir, 0o711);
    const embedded = await openEmbedded({
      ...options,
      stateDir,
      log: (line) => {
        if (line === MADE_USER)
          made = 'the system user rollcall, which the database ran as (to remove it: userdel rollcall)';
        options.log(line);
      },
    });
    const { user, password, host, port, database } = embedded.address;
    const url = `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
    return {
      url,
      made,
      async close() {
        try {
          await embedded.close();
        } finally {
          remove();
        }
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}
