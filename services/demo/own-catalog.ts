// A catalog of the demo's own in the embedded server, so that it touches nothing of anybody's.
import { randomBytes } from 'node:crypto';
import { openEmbedded } from '../embedded/embedded.ts';
import type { EmbeddedOptions } from '../embedded/embedded.ts';
import { createDatabase, dropDatabase } from '../catalog/own-database.ts';

export interface OwnCatalog {
  /** For DATABASE_URL. */
  readonly url: string;
  close(): Promise<void>;
}

export async function openOwnCatalog(options: EmbeddedOptions): Promise<OwnCatalog> {
  const embedded = await openEmbedded(options);
  const name = `demo_${randomBytes(6).toString('hex')}`;
  try {
    await createDatabase(embedded.address, name);
  } catch (error) {
    await embedded.close();
    throw error;
  }
  const { user, password, host, port } = embedded.address;
  const url = `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@/${name}?host=${encodeURIComponent(host)}&port=${port}`;
  return {
    url,
    async close() {
      try {
        await dropDatabase(embedded.address, name);
      } finally {
        await embedded.close();
      }
    },
  };
}
