import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { act, NAMES, night } from './nights.ts';
import { cases, fc } from '../support/random.ts';
import { classes } from '../support/answers.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();

/** Names below a tree: path → content, or null for a directory. */
function tree(root: string): Map<string, string | null> {
  const found = new Map<string, string | null>();
  const walk = (directory: string): void => {
    for (const name of readdirSync(join(root, directory))) {
      const path = directory === '' ? name : `${directory}/${name}`;
      const isDirectory = lstatSync(join(root, path)).isDirectory();
      found.set(path, isDirectory ? null : readFileSync(join(root, path), 'utf8'));
      if (isDirectory) walk(path);
    }
  };
  walk('');
  return found;
}

describe('whatever happens to a volume', () => {
  test('every path is in one class, what is intact is in the backup, and an exact source holds what was last known', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(night, { minLength: 2, maxLength: 6 }), night, async (nights, after) => {
        const world = new Volume(catalog, 12, 'by day');
        try {
          NAMES.forEach((name, i) => world.write(name, `first text of ${name} `.repeat(1 + i)));
          const snapshots = nights.map((steps, i) => {
            for (const one of steps) act(world, one, i + 1);
            return world.snapshot(i + 1);
          });
          for (const one of after) act(world, one, 11);
          world.write('always', 'here');
          const scanned = await world.scan();
          const assessment = await world.judge(scanned);

          const live = tree(world.live);
          const history = snapshots.map(tree);
          const known = new Set([...live.keys(), ...history.flatMap((one) => [...one.keys()])]);
          expect(assessment.universe.paths + assessment.universe.directories).toBe(known.size);
          const found = new Map(assessment.findings.map((finding) => [finding.path, finding]));
          expect(found.size).toBe(assessment.findings.length);
          const newest = history.at(-1)!;
          for (const path of known) {
            const finding = found.get(path);
            if (finding === undefined) {
              expect(newest.has(path), path).toBe(true);
              expect(newest.get(path), path).toBe(live.get(path));
            } else if (['missing', 'moved', 'deleted'].includes(finding.verdict))
              expect(live.has(path), path).toBe(false);
            else expect(live.has(path), path).toBe(true);
            // What was lost after it was renamed is one loss, under its last name.
            if (finding?.verdict === 'moved' && finding.movedTo !== null && !live.has(finding.movedTo))
              expect(['missing', 'deleted', 'moved'], finding.movedTo).toContain(found.get(finding.movedTo)?.verdict);
            if (finding?.recovery !== 'exact' || finding.source === null || finding.kind === 'directory') continue;
            const content = readFileSync(join(finding.source.root, finding.source.path), 'utf8');
            const last = history.findLast(
              (one) => one.has(path) && one.get(path) !== null && (one.get(path) !== '' || content === ''),
            );
            if (finding.verdict === 'missing') expect(content, path).toBe(last?.get(path));
            expect(content.length).toBe(finding.expected!.size);
          }

          const again = await world.judge(scanned);
          expect(classes(again)).toEqual(classes(assessment));
          // Nothing but the second copies that bear the recoveries out.
          const { exact, older } = again.recovery;
          expect(again.bytesRead).toBeLessThanOrEqual(exact.bytes + older.bytes);
        } finally {
          world.close();
        }
      }),
      { numRuns: cases(12) },
    );
  });
});
