// Fault catalogue, reading and walking: files and directories that move while an assessment looks at them.
import { existsSync, renameSync } from 'node:fs';
import { expect, test } from 'vitest';
import { churn } from '../support/churn.ts';
import { shown } from './shown.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();

/** Appends, saves by rename, makes and removes names of its own, and carries a directory to and fro. */
const BUSY = `
const fs = require('node:fs');
const at = (path) => process.argv[1] + '/' + path;
let turn = 0;
process.stdout.write('ready');
(function step() {
  turn++;
  fs.appendFileSync(at('busy/grows'), 'a line that is written at turn ' + turn + '\\n');
  fs.writeFileSync(at('busy/scratch'), 'saved at turn ' + turn + ' '.repeat(turn % 7));
  fs.renameSync(at('busy/scratch'), at('busy/saved'));
  fs.writeFileSync(at('busy/short/lived' + (turn % 5)), 'x');
  fs.rmSync(at('busy/short/lived' + (turn % 5)));
  const [from, to] = turn % 2 ? ['a', 'z'] : ['z', 'a'];
  fs.renameSync(at(from + '/box'), at(to + '/box'));
  setTimeout(step, 1);
})();
`;

test('files that grow, are saved anew or vanish while they are read, and a directory that is renamed during the walk, are never lost nor damaged, and what was known of them stays', async () => {
  const house = Volume.open(catalog, 3);
  for (let i = 0; i < 20; i++) {
    house.write(`a/box/in/${i}`, `carried about ${i}`);
    house.write(`m/${i}/f`, `still ${i}`);
  }
  house.write('z/stays', 'z');
  house.write('busy/grows', 'first line\n'.repeat(100_000));
  house.write('busy/saved', 'saved once');
  house.directory('busy/short');
  for (const night of [1, 2]) house.snapshot(night);
  expect((await house.assess(3)).exit).toBe(0);

  const busy = await churn(BUSY, house.live);
  try {
    for (const night of [4, 5, 6]) {
      const result = await house.assess(night);
      const { verdicts, findings, exit } = house.report(result);
      for (const [path, told] of Object.entries(findings)) {
        // Names that live for a moment may have been seen by the assessment before.
        if (path.startsWith('busy/short/') || path === 'busy/scratch') continue;
        expect(told, path).toMatch(/^(unsettled|modified|moved|new|unprotected|backup-missing)/);
      }
      expect([0, 1, 3]).toContain(exit);
      // The first screen has room for three such lines, and directories that move may take them all.
      const { json } = shown(result);
      if ((verdicts.unsettled ?? 0) > 0)
        expect(json['incomplete']).toContainEqual(expect.stringContaining('changed during the scan'));
    }
  } finally {
    await busy.stop();
  }
  if (existsSync(house.at('z/box'))) renameSync(house.at('z/box'), house.at('a/box'));
  // At rest, in whole seconds: what is lost from them then leaves them as they were.
  for (const directory of ['a', 'z', 'busy']) house.stamp(directory, 6.5);
  const still = house.report(await house.assess(7));
  for (const [path, told] of Object.entries(still.findings))
    if (!path.startsWith('busy/')) expect(`${path} ${told}`).toMatch(/^z\/(box\S*) moved to a\/\1$/);
  expect(still.verdicts.intact).toBe(41);

  house.lose('busy/grows', 'busy/saved', 'a/box');
  const lost = house.report(await house.assess(8));
  expect(lost.verdicts).toMatchObject({ missing: expect.any(Number) as number, intact: 21 });
  for (const name of ['busy/grows', 'busy/saved']) expect(lost.findings[name]).toMatch(/^missing older from night 2 /);
  for (let i = 0; i < 20; i++) expect(lost.findings[`a/box/in/${i}`]).toMatch(/^missing exact from night 2 /);
});

test('a directory that is renamed again before anybody has seen it at rest has moved once; a file is not taken for its old copy that an editor left beside it', async () => {
  const house = Volume.open(catalog, 2);
  house.write('a/box/f', 'carried twice');
  house.write('a/box/g', 'carried twice as well');
  house.write('desk/letter', 'first words');
  house.directory('b');
  house.directory('c');
  house.snapshot(1);
  expect((await house.assess(2)).exit).toBe(0);
  house.rename('a/box', 'b/box', 2.5);
  expect((await house.assess(3)).exit).toBe(0);
  house.rename('b/box', 'c/box', 3.5);
  const moved = Object.fromEntries(
    ['a', 'b'].flatMap((from) => ['', '/f', '/g'].map((below) => [`${from}/box${below}`, `moved to c/box${below}`])),
  );
  const again = house.report(await house.assess(4));
  expect(again).toMatchObject({ exit: 0, verdicts: { moved: 4, new: 2, intact: 1 } });
  expect(again.findings).toMatchObject(moved);

  house.rename('desk/letter', 'desk/letter~', 4.4);
  house.write('desk/letter', 'other words, that are longer', 4.5);
  house.snapshot(5);
  house.lose('desk/letter');
  const lost = house.report(await house.assess(6));
  expect(lost).toMatchObject({ exit: 1, verdicts: { missing: 1 }, recovery: { exact: 1 } });
  expect(lost.findings['desk/letter']).toBe('missing exact from night 5 silent');
});
