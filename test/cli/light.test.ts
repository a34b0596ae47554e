// What every start pays for: the options of all commands, and nothing that only their bodies need.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

test('until a body runs, the command line loads no package but commander', async () => {
  const { metafile } = await build({
    absWorkingDir: fileURLToPath(new URL('../../', import.meta.url)),
    entryPoints: ['cli/main.ts'],
    bundle: true,
    splitting: true,
    write: false,
    outdir: 'nowhere',
    platform: 'node',
    format: 'esm',
    packages: 'external',
    metafile: true,
  });
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const one of metafile.inputs[path]?.imports ?? []) if (one.kind !== 'dynamic-import') load(one.path);
  };
  load('cli/main.ts');
  const packages = [...loaded].filter((path) => metafile.inputs[path] === undefined && !path.startsWith('node:'));
  expect(packages).toEqual(['commander']);
  expect(loaded.has('cli/commands/assess.ts')).toBe(true);
});
