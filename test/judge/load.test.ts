import { beforeEach, expect, test } from 'vitest';
import { inTransaction } from '../../services/catalog/database.ts';
import { until } from '../support/poll.ts';
import { verdicts } from '../support/answers.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();
let world: Volume;

beforeEach(() => {
  world = Volume.open(catalog, 20, 'by day');
});

test('a scan that ends while the catalog is read takes no directory out of the universe', async () => {
  world.write('kept/f', 'f');
  world.snapshot(1);
  world.snapshot(2);
  world.write('only/g', 'g');
  const scanned = await world.scan();
  const alone = await world.judge(scanned);
  expect(verdicts(alone)).toMatchObject({ 'only/g': 'new' });
  // Loading has asked for the scans when it waits for this table, which no scan wants.
  const judging = await inTransaction(catalog.db, async (client) => {
    await client.query('lock table finding in access exclusive mode');
    const judged = world.judge(scanned);
    judged.catch(() => {});
    await until('loading waits for the table', async () => {
      const waiting = await catalog.db.pool.query(
        `select from pg_locks where not granted and relation = 'finding'::regclass`,
      );
      return waiting.rowCount === 1;
    });
    world.write('only/h', 'h');
    await world.scan();
    return { judged };
  });
  expect(verdicts(await judging.judged)).toEqual({ ...verdicts(alone), 'only/h': 'new' });
});
