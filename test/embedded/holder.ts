// A process that opens the embedded database of a state directory, says so, and holds it until its standard input ends.
// Arguments: the state directory, and optionally a uid to become first.
import { openEmbedded } from '../../services/embedded/embedded.ts';
import { openPool } from '../../services/catalog/database.ts';
import { migrate } from '../../services/catalog/migrate.ts';
import { RollcallError } from '../../domain/exit.ts';

const [stateDir = ''] = process.argv.slice(2);
const say = (event: Record<string, unknown>) => process.stdout.write(`${JSON.stringify(event)}\n`);
process.umask(0o077);
try {
  const embedded = await openEmbedded({ stateDir, now: Date.now, log: (line) => say({ log: line }) });
  const db = openPool(embedded.address);
  await migrate(db);
  const { rows } = await db.pool.query<{ pid: number }>('select count(*)::int as volumes from volume');
  say({ ready: rows[0], host: embedded.address.host });
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once('end', resolve));
  await db.close();
  await embedded.close();
  say({ closed: true });
} catch (error) {
  if (!(error instanceof RollcallError)) throw error;
  say({ error: error.message, next: error.next });
  process.exitCode = error.exit;
}
