// What node is given to run (dist/cli.cjs, dist/thread.cjs): runs the bundle of the same name in dist/code, with what
// V8 made of it in an earlier run of the same command. It is built for a Node that is too old as well, so that it can
// say so.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Script } from 'node:vm';
import { openCodeCache } from './code-cache.ts';
import { usualStateDirectory } from './state-place.ts';

const NODE_MIN = 20;
/** The build writes it at the beginning of each bundle, in a comment. */
const HASH_AT = 2;
const HASH_LENGTH = 16;
/** Of a command that did its work. One that failed has compiled little. */
const DONE: readonly unknown[] = [0, 1, 3];

/** The command, as far as its name in the cache goes. Threads do one thing only. */
function commandWord(part: string): string {
  return part === 'cli' ? (process.argv.slice(2).find((word) => /^[a-z]{2,12}$/.test(word)) ?? 'none') : 'all';
}

function start(): void {
  const part = basename(__filename, '.cjs');
  const file = join(__dirname, 'code', `${part}.cjs`);
  // The build writes nothing but ASCII.
  const source = readFileSync(file, 'latin1');
  const state = usualStateDirectory(process.env);
  const name = `${part}-${source.slice(HASH_AT, HASH_AT + HASH_LENGTH)}-${commandWord(part)}`;
  const cache = state === null ? null : openCodeCache(state, name);
  const script = new Script(`(function(exports,require,module,__filename,__dirname){${source}\n})`, {
    filename: file,
    ...(cache === null || cache.data === null ? {} : { cachedData: cache.data }),
  });
  if (cache !== null && (cache.data === null || script.cachedDataRejected === true))
    process.once('exit', (code) => {
      if (DONE.includes(code)) cache.keep(script.createCachedData());
    });
  const run = script.runInThisContext() as (...words: unknown[]) => void;
  // To the bundle it is as if it were where this file is.
  run(exports, require, module, __filename, __dirname);
}

/** The launcher is told, too (launcher.ts): it believes no other code. */
function refuse(): void {
  process.stderr.write(
    `rollcall: Node ${process.version} is too old\n  next: install Node ${NODE_MIN} or newer (https://nodejs.org), then run this again\n`,
  );
  process.title = 'exit 2';
  if (process.env['ROLLCALL_LAUNCHER'] === String(process.ppid)) process.kill(process.ppid, 'SIGUSR1');
  process.exit(2);
}

if (Number.parseInt(process.versions.node, 10) < NODE_MIN) refuse();
else start();
