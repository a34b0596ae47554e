// A copy that does not keep the times of directories is recognised, and the report says what that costs.
import { readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findingAt } from '../support/answers.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();

/** As rsync -O leaves them: directories bear the time at which they were made in the backup. */
function stampDirectories(root: string, seconds: number): void {
  for (const entry of readdirSync(root, { withFileTypes: true }))
    if (entry.isDirectory()) stampDirectories(join(root, entry.name), seconds);
  utimesSync(root, seconds, seconds);
}

test('a backup without the times of directories calls nobody a person, and the report says what that costs', async () => {
  const world = Volume.open(catalog, 6, 'by day');
  for (let i = 0; i < 40; i++) world.write(`d${i % 8}/f${i}`, `content of file ${i}`);
  for (let night = 1; night <= 5; night++) {
    if (night === 3) world.remove('d1/f1', night);
    stampDirectories(world.snapshot(night), statSync(world.live).mtimeMs / 1000 + night * 86_400);
  }
  const assessment = await world.judged();
  expect(findingAt(assessment, 'd1/f1')).toMatchObject({ verdict: 'deleted', cause: { cause: 'unknown' } });
  const condition = assessment.conditions.find(({ code }) => code === 'no-directory-times');
  expect(condition?.text).toContain('does not keep the times of directories');
  expect(condition?.text).toContain('1 file that vanished is treated as ordinary deletions');
});

test('a backup with the times of directories says nothing of that', async () => {
  const world = Volume.open(catalog, 6, 'by day');
  for (let i = 0; i < 40; i++) world.write(`d${i % 8}/f${i}`, `content of file ${i}`);
  for (let night = 1; night <= 5; night++) {
    if (night === 3) world.remove('d1/f1', night);
    world.snapshot(night);
  }
  const assessment = await world.judged();
  expect(findingAt(assessment, 'd1/f1')).toMatchObject({ verdict: 'deleted', cause: { cause: 'person' } });
  expect(assessment.conditions.map(({ code }) => code)).not.toContain('no-directory-times');
});
