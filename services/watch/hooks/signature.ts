// The signature of a webhook, in the form of Standard Webhooks (standardwebhooks.com), for which receivers have
// libraries: webhook-id, webhook-timestamp, webhook-signature.
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/** @param asked secret: `whsec_` and base64, or any text, whose UTF-8 is the key */
export function signed({
  id,
  body,
  secret,
  nowMs,
}: {
  readonly id: string;
  readonly body: string;
  readonly secret: string;
  readonly nowMs: number;
}): Readonly<Record<string, string>> {
  const key = secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret);
  const seconds = String(Math.floor(nowMs / 1_000));
  const digest = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': `v1,${digest}` };
}
