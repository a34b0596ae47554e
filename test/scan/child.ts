// A process that scans a tree, for tests that kill it.
import { openPool } from '../../services/catalog/database.ts';
import type { DatabaseAddress } from '../../services/catalog/database.ts';
import type { Leases } from '../../services/scan/limits.ts';
import { openThreads } from '../../services/scan/pool.ts';
import { scanTree } from '../../services/scan/scan-tree.ts';

interface Order {
  readonly address: DatabaseAddress;
  readonly path: string;
  readonly threads: number;
  readonly leases: Leases;
}

const order = JSON.parse(process.argv[2] ?? '') as Order;
// The test that started this process is gone: nobody would end it.
process.stdin.on('end', () => process.exit(1)).resume();
const db = openPool(order.address);
const threads = openThreads(order.address, order.threads);
const tools = {
  db,
  threads,
  host: 'here',
  nowMs: Date.now,
  signal: new AbortController().signal,
  onProgress: () => undefined,
  onNotice: (text: string) => process.stderr.write(`${text}\n`),
  leases: order.leases,
};
process.stdout.write('began\n');
const { run } = await scanTree(tools, {
  path: order.path,
  scope: { excludes: [], crossMounts: false },
  mode: 'read',
  newState: false,
});
// The most memory that the process ever held, in kB.
process.stdout.write(`${run.outcome.outcome} ${process.resourceUsage().maxRSS}\n`);
await threads.close();
await db.close();
process.exit(0);
