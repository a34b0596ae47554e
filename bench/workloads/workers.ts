// Workers: what more slots and more processes bring, and what they ask of Postgres.
import type { Ground, Workload } from '../ground.ts';
import { type Part, scaling, slowStorage } from '../fleet/scaling.ts';
import { openServer, type Server } from '../fleet/server.ts';

export const workers: Workload = {
  name: 'workers',
  about: 'workers: slots and processes, and slow storage',
  bars: [],
  async run(ground: Ground) {
    const server = await openServer(ground);
    await server.start();
    try {
      const parts: Part[] = [];
      for (const part of [scaling, slowStorage]) parts.push(await attempt(part, ground, server));
      return {
        about: 'a tree left as a task',
        measurements: parts.flatMap(({ measurements }) => measurements),
        figures: [],
        notes: parts.flatMap(({ notes }) => notes),
      };
    } finally {
      await server.stop('immediate');
    }
  },
};

/** One part that fails says so, and costs no other. */
async function attempt(
  part: (ground: Ground, server: Server) => Promise<Part>,
  ground: Ground,
  server: Server,
): Promise<Part> {
  try {
    return await part(ground, server);
  } catch (error) {
    ground.signal.throwIfAborted();
    const why = (error as Error).message.trim().replaceAll(/\s+/g, ' ');
    ground.say(`  ${why}`);
    return { measurements: [], notes: [`**${part.name} failed: ${why}**`] };
  }
}
