// What takes servers by the dozen: commands that come and go, commands that are killed while they make the database,
// full file systems.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connect } from '../../services/catalog/database.ts';
import { until } from '../support/poll.ts';
import { CAN_UNSHARE } from './hold.ts';
import { serverPid, states } from './states.ts';

const { directory, used, open, held } = states();

test('commands that come and go all the time meet no server in its last moment', async () => {
  const state = used();
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let round = 0; round < 4; round += 1) {
        const embedded = await open(state);
        await (await connect(embedded.address)).end();
        await embedded.close();
      }
    }),
  );
  expect(serverPid(state)).toBeNull();
});

test('a command that is killed while it makes the database: the next one makes it, and clears away', async () => {
  const state = join(directory(), 'state');
  for (const sign of ['setup.lock', `data.new-`]) {
    const first = held(state);
    await until(
      `${sign} is there`,
      () => existsSync(state) && readdirSync(state).some((name) => name.startsWith(sign)),
      120_000,
    );
    first.child.kill('SIGKILL');
    await first.release();
  }
  // Its lock, and an initdb that nobody waits for any more; and the lock of one whose id belongs to somebody else by
  // now.
  const lock = join(state, 'setup.lock');
  expect(existsSync(lock)).toBe(true);
  writeFileSync(lock, `${process.pid} 1\n`);
  await (await open(state)).close();
  expect(readdirSync(state).sort()).toEqual([
    'VERSION',
    'data',
    expect.stringMatching(/^postgres-18[^/]*\d$/),
    'postgres.log',
    'run',
  ]);
});

test.skipIf(!CAN_UNSHARE)('a file system that is full: while it is made, and when it starts', async () => {
  const state = join(directory(), 'state');
  mkdirSync(state);
  // 60 MB take the programs, not the database; filled to the last page, not even the log tells why.
  const small = `mount -t tmpfs -o size=60m,mode=755 none ${state}`;
  expect(await held(state, { mounts: small }).answer).toMatchObject({
    error: expect.stringMatching(/could not be created in .*No space left/),
    next: expect.stringMatching(/^free 150 MB/),
  });
  const full = `mount -t tmpfs -o size=200m,mode=711 none ${state}; cp -a ${used('before')}/. ${state}
chmod 711 ${state}; dd if=/dev/zero of=${state}/fill bs=64k 2>/dev/null || dd if=/dev/zero of=${state}/fill2 bs=1k 2>/dev/null || true`;
  expect(await held(state, { mounts: full }).answer).toMatchObject({
    error: expect.stringMatching(/does not start: .*No space left/),
    next: expect.stringMatching(/^free space/),
  });
});
