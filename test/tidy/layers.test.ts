// `await import()` keeps the same layers as `import`, and oxlint looks at the latter only.
import { expect, test } from 'vitest';
import { LAYERS } from '../../oxlint.config.mjs';
import { sources } from './sources.ts';

function fits(path: string, glob: string): boolean {
  const pattern = glob
    .replaceAll('.', '\\.')
    .replaceAll('**/', '<any>')
    .replaceAll('*', '[^/]*')
    .replaceAll('<any>', '(.*/)?');
  return new RegExp(`^${pattern}$`).test(path);
}

test('what is imported late is imported within its layer', () => {
  const wrong: string[] = [];
  for (const { path, text } of sources(/\.ts$/)) {
    const layer = LAYERS.findLast(({ files }) => files.some((glob) => fits(path, glob)));
    if (layer === undefined) continue;
    const outside: Readonly<Record<string, string>> = layer.outside;
    for (const [, imported = ''] of text.matchAll(/import\('([^']+)'\)/g)) {
      const why = outside[imported] ?? layer.inside.find(([pattern]) => pattern.test(imported))?.[1];
      if (why !== undefined) wrong.push(`${path}: ${imported}: ${why}`);
    }
  }
  expect(wrong).toEqual([]);
});
