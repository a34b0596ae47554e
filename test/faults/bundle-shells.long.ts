// restore.sh with every shell that may be called sh where it is needed, and for each program that it starts.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, it } from 'vitest';
import { World } from '../bundle/world.ts';
import { programPath } from '../support/machine.ts';
import { bytes, survey, text } from '../support/tree.ts';

const SHELLS = ['dash', 'bash', 'busybox'];
const there = SHELLS.filter((shell) => spawnSync('sh', ['-c', `command -v ${shell}`]).status === 0);

it.each(there)('%s puts hostile names back to the byte', async (shell) => {
  const world = new World();
  try {
    const from = world.snapshot('s$(touch x)\n');
    const at = { verdict: 'missing', from: 's$(touch x)\n' } as const;
    for (const name of [
      '-rf',
      '$(touch x)',
      'new\nline',
      'q\'"',
      'back\\slash',
      ' both ',
      '*',
      Buffer.from([0xff, 0x9b]),
    ]) {
      world.write(from, bytes('d/', name, '/f'), name);
      chmodSync(bytes(from, '/d/', name), 0o751);
      world.wrong(bytes('d/', name), at);
      world.wrong(bytes('d/', name, '/f'), at);
    }
    mkdirSync(join(world.live, 'd'));
    await world.writeBundle();
    const path = world.path({ scripts: { sh: programPath(shell) } });
    const ran = world.restore(['--apply'], { shell: join(path.split(delimiter)[0] ?? '', 'sh'), env: { PATH: path } });
    expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
    const strip = (lines: readonly string[]): string[] => lines.filter((line) => !line.startsWith('d '));
    expect(strip(text(survey(world.live)))).toEqual(strip(text(survey(from))));
    expect((await world.verify()).exit).toBe(0);
  } finally {
    world.remove();
  }
});
