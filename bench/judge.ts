// Judges the one live volume of a catalog against all its backups, without a scan, in a process whose memory can be
// watched: judge.ts STATE FILES. Fails unless it finds so many files and all of them intact. Prints the seconds that
// judging took.
import { existsSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { reconcile } from '../services/judge/assess-volume.ts';
import { listVolumes } from '../services/catalog/volumes.ts';
import { openSession } from '../services/session.ts';

const [stateDir, files] = process.argv.slice(2);
if (stateDir === undefined || files === undefined) throw new Error('judge.ts STATE FILES');

const session = await openSession(
  { stateDir, databaseUrl: null, pgBin: null },
  { now: Date.now, log: (line) => void process.stderr.write(`${line}\n`), applicationName: 'rollcall bench' },
);
try {
  const volumes = await listVolumes(session.db.pool);
  const live = volumes.find(({ role }) => role === 'live');
  if (live === undefined) throw new Error('the catalog has no live volume');
  const begun = performance.now();
  const { assessment } = await reconcile({
    db: session.db,
    host: live.host,
    // Whatever is judged asks which file system its root is on; that of a generated volume is on none.
    volume: { ...live, path: existsSync(live.path) ? live.path : stateDir },
    series: volumes.filter(({ role }) => role === 'backup'),
    scope: { excludes: [], crossMounts: false },
    sinceMs: null,
    side: null,
    now: Date.now,
  });
  const seconds = (performance.now() - begun) / 1000;
  const intact = assessment.verdicts.intact.files;
  if (intact !== Number(files)) throw new Error(`${intact} files of ${files} were found intact`);
  process.stdout.write(`${seconds}\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
} finally {
  await session.close();
}
