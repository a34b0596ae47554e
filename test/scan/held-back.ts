// A child of this test that permissions hold back although the test may be root. It reaches the database through a
// socket of its own, because the cluster's belongs to another user.
import { spawn } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ClusterAddress } from '../support/postgres.ts';

/**
 * Runs `node script order`, as root without what lets it pass permissions, or as whoever runs the test.
 * @param place a directory for the socket; `order` gets the address that leads through it
 * @param drop capabilities that root does not keep
 * @returns what it said on standard output
 */
export async function runHeldBack(
  address: ClusterAddress,
  place: string,
  script: string,
  order: (address: ClusterAddress) => object,
  drop = '-dac_override,-dac_read_search',
): Promise<string> {
  const passages: Socket[] = [];
  const socket = `.s.PGSQL.${address.port}`;
  const server = createServer((near) => {
    const far = connect(join(address.host, socket));
    passages.push(near, far);
    for (const one of [near, far]) one.on('error', () => undefined);
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(join(place, socket), resolve));
  try {
    const told = JSON.stringify(order({ ...address, host: place }));
    const run = [process.execPath, script, told];
    const [program = '', ...rest] =
      process.getuid?.() === 0 ? ['setpriv', `--bounding-set=${drop}`, `--inh-caps=${drop}`, ...run] : run;
    const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    let said = '';
    child.stdout.on('data', (data) => (out += String(data)));
    child.stderr.on('data', (data) => (said += String(data)));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code, said).toBe(0);
    return out;
  } finally {
    for (const one of passages) one.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
