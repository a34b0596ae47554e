// Worlds of bricks, made and judged by a user who is not root. A database of his own outside, and inside a user
// namespace, where he has the capabilities of root over what is his: without them he could not read his own files of
// mode 01000. Attributes are those of users: trusted.* is for the first user namespace alone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DatabaseAddress, openPool } from '../../services/catalog/database.ts';
import { migrate } from '../../services/catalog/migrate.ts';
import { openEmbedded } from '../../services/embedded/embedded.ts';
import { readAttributesUnder } from '../../services/files/brick-attributes.ts';
import { openThreads } from '../../services/scan/pool.ts';
import { type JudgedWorld, judgeWorld } from './judged-world.ts';

const [place = '', address] = process.argv.slice(2);
// The process that started this one is gone: nobody would end it.
process.stdin.on('end', () => process.exit(1)).resume();
if (address === undefined) await outside(place);
else await inside(place, JSON.parse(address) as DatabaseAddress);

async function outside(directory: string): Promise<void> {
  const embedded = await openEmbedded({ stateDir: join(directory, 'state'), now: Date.now, log: () => {} });
  try {
    await migrate(embedded.address);
    const self = [process.execPath, fileURLToPath(import.meta.url), directory, JSON.stringify(embedded.address)];
    const child = spawn('unshare', ['--user', '--map-root-user', ...self], { stdio: ['pipe', 'inherit', 'inherit'] });
    const [code] = (await once(child, 'close')) as [number | null];
    process.exitCode = code ?? 1;
  } finally {
    await embedded.close();
  }
  process.exit();
}

async function inside(directory: string, database: DatabaseAddress): Promise<void> {
  const prefix = 'user.' as const;
  readAttributesUnder(prefix);
  const db = openPool(database, { applicationName: 'rollcall test' });
  const threads = openThreads(database, 1, { attributePrefix: prefix });
  const nothing = (): void => {};
  const signal = new AbortController().signal;
  const tools = { db, threads, host: 'here', nowMs: Date.now, signal, onProgress: nothing, onNotice: nothing };
  const worlds: JudgedWorld[] = [];
  for (const wanted of [
    { seed: 1, subvolumes: 3, replicas: 1, directories: 1, prefix },
    { seed: 2, subvolumes: 2, replicas: 2, directories: 1, prefix },
  ]) {
    const base = join(directory, `world-${wanted.seed}`);
    mkdirSync(base);
    worlds.push((await judgeWorld(tools, base, wanted)).world);
  }
  await threads.close();
  await db.close();
  process.stdout.write(JSON.stringify(worlds), () => process.exit(0));
}
