// `hooks`: who is told, what became of it, and whether a hook works.
import { setTimeout as pause } from 'node:timers/promises';
import { EXIT, RollcallError } from '../domain/exit.ts';
import type { Hook } from '../domain/watch/configuration.ts';
import { holdingConfiguration } from './catalog/configurations.ts';
import { type Database, inTransaction } from './catalog/database.ts';
import { keepMessages, type KeptMessage, messagesAbout, type ToldHook, toldHooks } from './catalog/messages.ts';
import type { Queryable } from './catalog/scans.ts';
import type { DueTask } from './catalog/tasks.ts';
import { leaveDeliveries } from './watch/outbox.ts';

export interface HookState extends Omit<ToldHook, 'hook'> {
  readonly name: string;
  readonly type: Hook['type'];
  /** Where it leads, as the configuration says it: a reference stays one. */
  readonly to: string;
}

/** Those of the configuration that holds. */
export async function hookStates(client: Queryable): Promise<HookState[]> {
  const configuration = await holdingConfiguration(client);
  const told = new Map((await toldHooks(client)).map((one) => [one.hook, one]));
  return (configuration?.hooks ?? []).map((hook) => {
    const { waiting = 0, failed = 0, sentMs = null, trouble = null } = told.get(hook.name) ?? {};
    return { name: hook.name, type: hook.type, to: placeOf(hook), waiting, failed, sentMs, trouble };
  });
}

function placeOf(hook: Hook): string {
  switch (hook.type) {
    case 'mail':
      return `${hook.to.join(', ')} by ${hook.server}`;
    case 'webhook':
      return `${hook.template} to ${shown(hook.url)}`;
    case 'ping':
    case 'ntfy':
      return shown(hook.url);
    case 'command':
      return `/etc/rollcall/hooks.d/${hook.program}`;
  }
}

/** A reference, or the beginning of a URL: its path may be what opens a door. */
function shown(url: string): string {
  return URL.canParse(url) && /^https?:/.test(url) ? `${new URL(url).origin}/…` : url;
}

export interface HookTest {
  /** What it is about, for waitForTest. */
  readonly about: string;
  /** Tasks that can be taken now. */
  readonly due: readonly DueTask[];
}

/**
 * Keeps a test message for the hook, for a serve to send: it alone has the secrets.
 * @throws RollcallError where the configuration has no such hook
 */
export async function leaveTest(
  db: Database,
  {
    name,
    actor,
    program,
    nowMs,
  }: { readonly name: string; readonly actor: string; readonly program: string; readonly nowMs: number },
): Promise<HookTest> {
  return inTransaction(db, async (client) => {
    const configuration = await holdingConfiguration(client);
    const names = (configuration?.hooks ?? []).map((hook) => hook.name);
    if (!names.includes(name))
      throw new RollcallError(`the configuration has no hook ${JSON.stringify(name)}`, {
        next:
          names.length === 0
            ? `add it to rollcall.yaml under hooks, then ${program} apply -f rollcall.yaml`
            : `${program} hooks lists them: ${names.join(', ')}`,
      });
    const about = `test:${Math.floor(nowMs)}`;
    const body = {
      title: 'a test: this hook works',
      lines: [`${actor} asked Rollcall to test the hook ${name}. Nothing has happened, and there is nothing to do.`],
      severity: 'info' as const,
      subject: '',
      incident: null,
      examples: [],
      next: null,
      atMs: Math.floor(nowMs),
    };
    await keepMessages(client, [{ about, event: 'test', hook: name, incident: null, body }]);
    return { about, due: await leaveDeliveries(client, { nowMs }) };
  });
}

const LOOK_MS = 200;

/**
 * Waits until a serve has sent the test, or could not.
 * @returns the message as it ended
 * @throws RollcallError where nobody took it in time (3) or the signal fired
 */
export async function waitForTest(
  { db, signal, program }: { readonly db: Database; readonly signal: AbortSignal; readonly program: string },
  about: string,
  patienceMs: number,
): Promise<KeptMessage> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const [message] = await messagesAbout(db.pool, about);
    if (message === undefined) throw new Error('a test that waits is kept');
    if (message.state !== 'waiting') return message;
    if (signal.aborted)
      throw new RollcallError('Nobody waits for the test any more; a serve sends it all the same.', {
        exit: EXIT.interrupted,
        next: `${program} hooks shows what became of it`,
      });
    if (performance.now() > deadline)
      throw new RollcallError('No rollcall serve has sent the test.', {
        exit: EXIT.incomplete,
        next: `start one: ${program} serve (it sends the test, too)`,
      });
    await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}
