// What `rollcall serve` does: the work of a worker, and each minute a look at what is due. One process watches a
// machine; several are equal, and the catalog decides who does what.
import type { ExitCode } from '../domain/exit.ts';
import { holdingConfiguration } from './catalog/configurations.ts';
import { type Database, type DatabaseAddress, openPool } from './catalog/database.ts';
import { roomFor } from './embedded/room.ts';
import { quietly } from './fleet/loop.ts';
import { TICK_EVERY_MS } from './queue/catalogue.ts';
import { plural } from './report/wording.ts';
import { type Place, taskFor } from './scheduled.ts';
import { reviewIncidents } from './watch/incidents.ts';
import type { HookTools } from './watch/hooks/deliver.ts';
import { deliverTask, leaveDeliveries } from './watch/outbox.ts';
import { openPage, type Page } from './watch/page.ts';
import { tick, type Ticked } from './watch/tick.ts';
import { AWAY_MS, LOOK_MS, type WithoutCatalog, withoutCatalog } from './watch/without-catalog.ts';
import { runWorker, type WorkerOptions } from './work.ts';

export { hookTools } from './watch/hooks/deliver.ts';

export interface ServeOptions extends Omit<WorkerOptions, 'once' | 'duty' | 'address'>, Place {
  readonly address: DatabaseAddress;
  /** How often it looks at what is due; a minute unless given. */
  readonly tickEveryMs?: number;
  /** Where secrets of hooks, their receivers and their programs are. */
  readonly hooks: HookTools;
  /** A catalog that is away for so long is told from memory; AWAY_MS unless given. */
  readonly awayMs?: number;
  /** Where /metrics, /healthz and /readyz are served; null: nowhere. */
  readonly listen?: string | null;
}

/** Whoever applies a first configuration waits for the answer. */
const UNCONFIGURED_MS = 3_000;
/** A serve that waits for one says so this often. */
const UNCONFIGURED_AGAIN_MS = 3_600_000;
/** One for the transaction of a tick, and one for whoever asks meanwhile. */
const CONNECTIONS_MAX = 2;
const IDLE_MS = 5_000;

/** Watches until the signal fires (then 0); 2 as a worker does. */
export async function runServe({
  stateDir,
  program,
  tickEveryMs = TICK_EVERY_MS,
  hooks,
  awayMs = AWAY_MS,
  listen = null,
  ...options
}: ServeOptions): Promise<ExitCode> {
  const { address, nowMs, log, host, signal } = options;
  const place = { stateDir, program };
  const db = openPool(address, {
    applicationName: 'rollcall serve',
    connectionsMax: CONNECTIONS_MAX,
    idleMs: IDLE_MS,
  });
  const onError = quietly(log, nowMs);
  const announce = announcer({ log, program });
  const memory = withoutCatalog({ host, hooks, nowMs, elapsedMs: () => performance.now(), log, signal, awayMs });
  const missing = setInterval(() => void memory.look(), Math.min(LOOK_MS, awayMs));
  let isConfigured = false;
  let page: Page | null = null;
  try {
    page = listen === null ? null : await openPage(db, { listen, nowMs, log, onError });
    return await runWorker({
      ...options,
      once: false,
      duty: {
        handlers: { deliver: (work) => deliverTask({ db, hooks, nowMs, log }, work) },
        againMs: () => (isConfigured ? tickEveryMs : Math.min(tickEveryMs, UNCONFIGURED_MS)),
        async tick() {
          const ticked = await tick({
            db,
            nowMs,
            log,
            onError,
            taskFor: (configuration, wanted, atMs) => taskFor(place, configuration, wanted, atMs),
            reviewIncidents: (client, at) =>
              reviewIncidents(client, { ...at, log, room: stateDir === null ? null : roomFor(stateDir) }),
            leaveDeliveries,
          }).catch(async (error: unknown) => {
            await keepLost(db, memory, page);
            throw error;
          });
          await keepInMind(ticked, memory, page);
          announce(ticked);
          isConfigured = ticked.configuration !== null;
          return ticked.left;
        },
      },
    });
  } finally {
    clearInterval(missing);
    await page?.close();
    await db.close();
  }
}

/** A catalog that answers is not away: it says who is to be told, also to a serve that begins so. */
async function keepLost(db: Database, memory: WithoutCatalog, page: Page | null): Promise<void> {
  await page?.lost();
  await holdingConfiguration(db.pool).then(
    (holding) => memory.untold(holding),
    () => undefined,
  );
}

async function keepInMind({ isTold, configuration }: Ticked, memory: WithoutCatalog, page: Page | null): Promise<void> {
  if (isTold) {
    memory.reached(configuration);
    await page?.took(configuration);
  } else {
    memory.untold(configuration);
    await page?.lost();
  }
}

/** Says what is watched, when that changes; and what to do where nothing is. */
function announcer({ log, program }: { readonly log: (line: string) => void; readonly program: string }) {
  let said = '';
  let saidMs = Number.NEGATIVE_INFINITY;
  return ({ configuration }: Ticked): void => {
    const line =
      configuration === null
        ? `Nothing is watched yet: no configuration has been applied. Next: ${program} init LIVE BACKUP... writes a first rollcall.yaml; ${program} apply -f rollcall.yaml applies it, while this runs.`
        : `watching ${plural(configuration.volumes.length, 'volume')} and ${plural(configuration.backups.length, 'backup')}`;
    const nowMs = performance.now();
    if (line === said && (configuration !== null || nowMs - saidMs < UNCONFIGURED_AGAIN_MS)) return;
    said = line;
    saidMs = nowMs;
    log(line);
  };
}
