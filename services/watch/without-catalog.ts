// When the catalog itself is away, nothing is audited, and no outbox can say so: a serve tells it from memory, to the
// hooks of the configuration that it saw last, once, and once when it is back. (A serve that is away as well tells
// nothing: then the ping of the dead man's switch does not come.)
import type { Configuration, Hook } from '../../domain/watch/configuration.ts';
import type { MessageBody } from '../../domain/watch/message.ts';
import { plural } from '../report/wording.ts';
import { deliver, type HookTools } from './hooks/deliver.ts';
import { NotDelivered } from './hooks/request.ts';
import { utc } from './hooks/told.ts';
import { retryDelayMs } from './outbox.ts';
import { MINUTE_MS } from '../../domain/lengths.ts';

/** A restart, an upgrade or a failover takes less. */
export const AWAY_MS = 5 * MINUTE_MS;
/** How often it is asked. */
export const LOOK_MS = 30_000;

export interface WithoutCatalogOptions {
  readonly host: string;
  readonly hooks: HookTools;
  readonly nowMs: () => number;
  /** Goes on evenly, whatever is done to the clock, and stands still while the machine sleeps. */
  readonly elapsedMs: () => number;
  /** One line for the operator. */
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
  /** AWAY_MS unless given. */
  readonly awayMs?: number;
}

export interface WithoutCatalog {
  /** The catalog was reached, and this is what holds there. */
  reached(configuration: Configuration | null): void;
  /** The catalog was reached, and could not be used: nobody is told of anything. */
  untold(configuration: Configuration | null): void;
  /** Asked each LOOK_MS, also while something waits for the catalog. Never rejects. */
  look(): Promise<void>;
}

interface Waiting {
  readonly hook: Hook;
  readonly event: 'opened' | 'closed';
  readonly body: MessageBody;
  failures: number;
  /** Of elapsedMs. */
  notBeforeMs: number;
}

export function withoutCatalog(options: WithoutCatalogOptions): WithoutCatalog {
  const { host, nowMs, elapsedMs, awayMs = AWAY_MS } = options;
  let configuration: Configuration | null = null;
  let reachedAtMs = elapsedMs();
  let away: { readonly sinceMs: number; readonly hooks: readonly Hook[] } | null = null;
  let waiting: Waiting[] = [];
  let telling = false;
  let isReached = false;

  const tell = (event: Waiting['event'], hooks: readonly Hook[], body: MessageBody): void => {
    // What was not told in time is no news any more.
    waiting = hooks.map((hook) => ({ hook, event, body, failures: 0, notBeforeMs: elapsedMs() }));
  };
  return {
    untold(holding) {
      isReached = true;
      configuration = holding;
    },
    reached(holding) {
      isReached = false;
      reachedAtMs = elapsedMs();
      configuration = holding;
      if (away === null) return;
      tell('closed', away.hooks, backBody({ host, sinceMs: away.sinceMs, nowMs: nowMs() }));
      away = null;
    },
    async look() {
      const missingMs = elapsedMs() - reachedAtMs;
      if (away === null && configuration !== null && missingMs >= awayMs) {
        away = { sinceMs: nowMs() - missingMs, hooks: hooksOf(configuration) };
        options.log(
          `the catalog has not been ${isReached ? 'usable' : 'reached'} for ${plural(Math.round(missingMs / MINUTE_MS), 'minute')}; hooks are told from memory`,
        );
        tell('opened', away.hooks, awayBody({ host, isReached, sinceMs: away.sinceMs, nowMs: nowMs() }));
      }
      if (telling) return;
      telling = true;
      try {
        const due = waiting.filter(({ notBeforeMs }) => notBeforeMs <= elapsedMs());
        await Promise.all(due.map((one) => attempt(options, one)));
        waiting = waiting.filter(({ notBeforeMs }) => Number.isFinite(notBeforeMs));
      } finally {
        telling = false;
      }
    },
  };
}

/** One that was told, or is given up, is never due again. */
async function attempt({ hooks, elapsedMs, signal, log }: WithoutCatalogOptions, one: Waiting): Promise<void> {
  const { hook, event, body } = one;
  const about = `catalog:${body.incident?.openedMs ?? body.atMs}`;
  try {
    await deliver({ about, event, hook: hook.name, body }, hook, { ...hooks, signal });
    one.notBeforeMs = Number.POSITIVE_INFINITY;
  } catch (error) {
    if (!(error instanceof NotDelivered)) throw error;
    one.failures += 1;
    const delayMs = retryDelayMs(one.failures);
    one.notBeforeMs = delayMs === null ? Number.POSITIVE_INFINITY : elapsedMs() + delayMs;
    log(`hook ${hook.name}: the catalog is ${event === 'opened' ? 'away' : 'back'}: ${error.message}`);
  }
}

/** Who would be told of trouble of the watch itself; where nobody is, whoever is told of anything. Never pings. */
function hooksOf({ alarms, hooks }: Configuration): readonly Hook[] {
  const speaking = hooks.filter(({ type }) => type !== 'ping');
  const rule = alarms.find(
    ({ kinds, subjects }) => (kinds.length === 0 || kinds.includes('trouble')) && subjects.length === 0,
  );
  const named = speaking.filter(({ name }) => rule?.hooks.includes(name) === true);
  return named.length === 0 ? speaking : named;
}

interface When {
  readonly host: string;
  readonly sinceMs: number;
  readonly nowMs: number;
}

function awayBody({ host, isReached, sinceMs, nowMs }: When & { readonly isReached: boolean }): MessageBody {
  return {
    title: isReached
      ? `incidents cannot be reviewed on ${host}: no loss is noticed`
      : `the catalog cannot be reached from ${host}: nothing is audited`,
    lines: [
      ...(isReached
        ? [
            `rollcall serve on ${host} reaches its PostgreSQL database, and has failed to review what is due, incidents or messages since ${utc(sinceMs)}. Its log says why.`,
            'Until this is mended, audits may stand still, and no other message is sent.',
          ]
        : [
            `rollcall serve on ${host} has not reached its PostgreSQL database since ${utc(sinceMs)}.`,
            'Until it is back, no audit runs and no loss is noticed. What is due meanwhile is made up for afterwards.',
          ]),
      'This message comes from memory, from each rollcall serve that runs: nothing else is told until the catalog is back.',
    ],
    severity: 'critical',
    subject: host,
    incident: incidentOf(sinceMs),
    examples: [],
    next: isReached ? `the log of rollcall serve on ${host}` : 'systemctl status postgresql, on the database server',
    atMs: nowMs,
  };
}

function backBody({ host, sinceMs, nowMs }: When): MessageBody {
  const minutes = Math.max(1, Math.round((nowMs - sinceMs) / MINUTE_MS));
  return {
    title: `the catalog is back: ${host} audits again`,
    lines: [
      `rollcall serve on ${host} could not use its PostgreSQL database from ${utc(sinceMs)} on, for ${plural(minutes, 'minute')}.`,
      'What was due meanwhile is being made up for.',
    ],
    severity: 'ok',
    subject: host,
    incident: incidentOf(sinceMs),
    examples: [],
    next: 'rollcall status',
    atMs: nowMs,
  };
}

/** It has no number, for numbers are the catalog's; with its beginning the two messages are one alert. */
function incidentOf(sinceMs: number): MessageBody['incident'] {
  return { id: 'catalog', kind: 'trouble', openedMs: Math.floor(sinceMs), size: 1 };
}
