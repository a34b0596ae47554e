// A verify in a process of its own, so that it can be killed. Says a line for every entry it has read.
import { verify } from '../../services/verify.ts';
import { openPool, type DatabaseAddress } from '../../services/catalog/database.ts';

export interface VerifyOrder {
  readonly address: DatabaseAddress;
  readonly bundle: string;
  readonly nowMs: number;
}

const { address, bundle, nowMs } = JSON.parse(process.argv[2] ?? '') as VerifyOrder;
// The test that started this process is gone: nobody would end it.
process.stdin.on('end', () => process.exit(1)).resume();
const db = openPool(address, { applicationName: 'verify child' });
await verify(
  {
    bundle,
    target: null,
    notGluster: false,
    bricksRescued: false,
    cwd: '/',
    actor: 'child',
    nowMs: () => nowMs,
    signal: new AbortController().signal,
    onProgress: (done) => process.stdout.write(`${done}\n`),
  },
  () => Promise.resolve(db),
);
await db.close();
process.exit(0);
