// One message, told to one hook, once: whatever stands in the way is a NotDelivered with a sentence for people.
import { RollcallError } from '../../../domain/exit.ts';
import type { Hook } from '../../../domain/watch/configuration.ts';
import { COMMANDS, type CommandPlace, runCommand } from './command.ts';
import { resolveHere } from './connect.ts';
import { sendMail } from './mail.ts';
import { type HookRequest, NotDelivered } from './request.ts';
import { type SecretPlaces, secretPlaces, secretValue } from './secrets.ts';
import { type Outside, sendRequest } from './send-request.ts';
import { signed } from './signature.ts';
import { alertmanager, matrix, ntfy, ownJson, ping, slack } from './templates.ts';
import { type Message, type Told, toldOf } from './told.ts';

export interface HookTools {
  readonly secrets: SecretPlaces;
  readonly outside: Outside;
  readonly commands: CommandPlace;
  readonly nowMs: () => number;
}

/** Longest attempt of any hook: another serve leaves a message alone for longer (services/watch/outbox.ts). */
export const TIME_LIMIT_MS = 20_000;

/** @param environment of rollcall serve */
export function hookTools(environment: SecretPlaces['environment'], nowMs: () => number): HookTools {
  return {
    secrets: secretPlaces(environment),
    outside: { resolve: resolveHere, ca: [], timeLimitMs: TIME_LIMIT_MS },
    commands: COMMANDS,
    nowMs,
  };
}

/**
 * @returns what went wrong although it was taken; null for nothing
 * @throws NotDelivered
 */
export async function deliver(
  message: Message,
  hook: Hook,
  { signal, ...tools }: HookTools & { readonly signal: AbortSignal },
): Promise<string | null> {
  try {
    const told = toldOf(message);
    switch (hook.type) {
      case 'mail':
        return await sendMail(told, hook, { ...tools, signal });
      case 'command':
        await runCommand(told, { program: hook.program, place: tools.commands, signal });
        return null;
      case 'webhook':
      case 'ping':
      case 'ntfy':
        await overHttp(told, hook, { ...tools, signal });
        return null;
      default:
        // Whoever writes the catalog can write this; what was told to nobody is not sent.
        throw new NotDelivered('this version of rollcall knows no hook of this type');
    }
  } catch (error) {
    if (error instanceof NotDelivered) throw error;
    // A file of a secret that cannot be read says so in its own words; what is unexpected is named by its kind alone,
    // for its words may hold a secret.
    const why = error instanceof RollcallError ? error.message : `an error of the kind ${nameOf(error)}`;
    throw new NotDelivered(`the message was not made: ${why}`, { cause: error });
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

const TEMPLATES = { json: ownJson, slack, matrix, alertmanager } as const;

async function overHttp(
  told: Told,
  hook: Extract<Hook, { readonly type: 'webhook' | 'ping' | 'ntfy' }>,
  { secrets, outside, nowMs, signal }: Omit<HookTools, 'commands'> & { readonly signal: AbortSignal },
): Promise<void> {
  const text = secretValue(hook.url, secrets);
  if (!URL.canParse(text)) throw new NotDelivered('the URL of the hook cannot be read');
  const url = new URL(text);
  const token = hook.type === 'ping' || hook.token === null ? null : secretValue(hook.token, secrets);
  const made =
    hook.type === 'ping'
      ? ping(told, url)
      : hook.type === 'ntfy'
        ? ntfy(told, url)
        : TEMPLATES[hook.template](told, url);
  const request: HookRequest = {
    ...made,
    headers: {
      ...made.headers,
      'idempotency-key': told.id,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(hook.type !== 'webhook' || hook.secret === null
        ? {}
        : signed({ id: told.id, body: made.body, secret: secretValue(hook.secret, secrets), nowMs: nowMs() })),
    },
  };
  const answer = await sendRequest(request, { allowInternal: hook.allowInternal, outside, signal });
  // Healthchecks says so with status 200.
  if (hook.type === 'ping' && answer.includes('(not found)'))
    throw new NotDelivered('the receiver of pings knows no check with this URL');
}
