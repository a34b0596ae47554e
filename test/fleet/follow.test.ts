// Whoever follows a task is not kept waiting without end.
import { expect, test } from 'vitest';
import { leaveTask } from '../../services/catalog/tasks.ts';
import { followTask } from '../../services/follow.ts';
import { databaseForFile } from '../support/postgres.ts';

const { db } = await databaseForFile();

test('a task that no worker could take is not followed for ever, and nothing is said to be fine', async () => {
  const id = await leaveTask(db.pool, {
    host: null,
    kind: 'assess-hosts',
    reference: {},
    parent: null,
    nowMs: Date.now(),
  });
  const tools = { db, signal: AbortSignal.timeout(15_000), program: 'rollcall', unservedMs: 500 };
  const nothing = (): undefined => undefined;
  await expect(followTask({ ...tools, onProgress: nothing, onNotice: nothing }, id)).rejects.toMatchObject({
    exit: 3,
    message: `No worker serves any host: nothing was answered. Task ${id} waits for one.`,
  });
});
