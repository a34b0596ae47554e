// What a command costs before it does anything, over a Node that does nothing at all.
import { join } from 'node:path';
import { over } from '../figures.ts';
import type { Workload } from '../ground.ts';
import { assess, call, emptyState, rollcall, withSession } from '../rollcall.ts';
import { alternate, type Subject } from '../runs.ts';
import { makeOneFile, settled } from '../trees.ts';

const NODE: Subject = {
  name: 'node -e 0',
  command: () => ({ argv: [process.execPath, '-e', '0'], exits: [0] }),
};

export const start: Workload = {
  name: 'start',
  about: '--help, findings on a warm server, assess of one file: over bare node',
  bars: ['help', 'findings', 'one-file'],
  async run(ground) {
    const rounds = ground.quick ? 3 : 15;
    const [live, backup] = [join(ground.dir, 'live'), join(ground.dir, 'backup')];
    for (const root of [live, backup]) makeOneFile(root);
    await settled(ground);
    const state = await emptyState(ground, 'start');
    await call(ground, rollcall(state, ['assess', '--live', live, '--backup', backup]), state);
    const plain = (name: string, args: readonly string[]): Subject => ({ name, command: () => rollcall(state, args) });
    const help = await alternate(ground, '--help', [plain('rollcall --help', ['--help']), NODE], rounds);
    const findings = await withSession(ground, state, () =>
      alternate(ground, 'findings, warm server', [plain('rollcall findings', ['findings']), NODE], rounds),
    );
    const one = await alternate(
      ground,
      'assess of one file',
      [assess(ground, { name: 'rollcall assess', state, live, backup }, 1), NODE],
      rounds,
    );
    return {
      about: 'one file a side; the server is started by each assess',
      measurements: [help, findings, one],
      figures: [over('help', help, NODE.name), over('findings', findings, NODE.name), over('one-file', one, NODE.name)],
      notes: [],
    };
  },
};
