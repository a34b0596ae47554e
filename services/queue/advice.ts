// What Redis and its sockets say, said as advice. Redis begins an answer with a word of its own for each kind of error;
// sockets have errno names.
import { causesOf } from '../../domain/causes.ts';
import { RollcallError } from '../../domain/exit.ts';

interface Advice {
  readonly says: string;
  readonly next: string;
}

const REACH = 'check that Redis runs and that REDIS_URL names it; without REDIS_URL the queue is in Postgres';
const NETWORK = 'check the network between this machine and Redis';

const CODES: Readonly<Record<string, Advice>> = {
  ECONNREFUSED: { says: 'nothing answers at the address of Redis', next: REACH },
  ENOENT: { says: 'the socket of Redis does not exist', next: REACH },
  EACCES: {
    says: 'the socket of Redis may not be used by this user',
    next: 'add this user to the group of the socket (unixsocketperm in redis.conf)',
  },
  ENOTFOUND: { says: 'the host of Redis is not known', next: 'check the host name in REDIS_URL' },
  EAI_AGAIN: { says: 'the host of Redis cannot be resolved now', next: 'check the name service' },
  EHOSTUNREACH: { says: 'the host of Redis cannot be reached', next: NETWORK },
  ENETUNREACH: { says: 'the network of Redis cannot be reached', next: NETWORK },
  ETIMEDOUT: { says: 'Redis did not answer in time', next: NETWORK },
  ECONNRESET: { says: 'the connection to Redis was cut', next: 'look at the log of Redis, and whether it wants TLS' },
  EPROTO: {
    says: 'Redis does not speak TLS at that port',
    next: 'write redis:// instead of rediss://, or name its TLS port',
  },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    says: 'Redis does not speak TLS at that port',
    next: 'write redis:// instead of rediss://, or name its TLS port',
  },
};

/** By what the message says, whether it comes as an answer or out of a script of BullMQ. */
const SAID: readonly (readonly [RegExp, Advice])[] = [
  [
    /\bNOAUTH\b/,
    {
      says: 'Redis wants a password',
      next: 'write it into REDIS_URL: redis://:PASSWORD@HOST:PORT, or into REDIS_URL_FILE',
    },
  ],
  [
    /\bWRONGPASS\b|invalid password|called without any password configured/,
    {
      says: 'Redis refuses the user or the password',
      next: 'check both in REDIS_URL (% codes for special characters)',
    },
  ],
  [
    /\bNOPERM\b/,
    {
      says: 'the user of Redis lacks a right',
      next: 'give it the keys and commands of the queue: acl setuser NAME ~rollcall:* +@all -@admin',
    },
  ],
  [
    /\bOOM\b/,
    {
      says: 'Redis is full, and takes no job',
      next: 'raise maxmemory; what is left there belongs to others or is kept too long (redis-cli --bigkeys)',
    },
  ],
  [/\bREADONLY\b/, { says: 'Redis is a replica and cannot be written', next: 'name the primary in REDIS_URL' }],
  [
    /\bMISCONF\b/,
    { says: 'Redis cannot write to its disk and takes nothing', next: 'look at the disk and the log of Redis' },
  ],
  [/\bLOADING\b/, { says: 'Redis is still loading its data', next: 'wait: it is tried again' }],
  [/\bMASTERDOWN\b/, { says: 'Redis is a replica that has lost its primary', next: 'name the primary in REDIS_URL' }],
  [/max number of clients/, { says: 'Redis has no connection left', next: 'raise maxclients in redis.conf' }],
  [
    /DB index is out of range/,
    { says: 'Redis has no database of that number', next: 'leave the number out of REDIS_URL' },
  ],
  [
    /protected mode/i,
    {
      says: 'Redis takes no connections from other machines',
      next: 'give it a password (requirepass) and bind it to this network',
    },
  ],
  [
    /Protocol error|RESP type|unknown command|wrong number of arguments/,
    { says: 'what answers at the address of Redis is no Redis that Rollcall can use', next: REACH },
  ],
  [
    /certificate|altnames/i,
    { says: "Redis' certificate is not trusted", next: 'name its authority in NODE_EXTRA_CA_CERTS' },
  ],
  [/Connection is closed|ECONNRESET/, { says: 'the connection to Redis was lost', next: REACH }],
];

/** What an unknown command was given is repeated by servers: it may be the password. */
function withoutArguments(message: string): string {
  return message.replace(/,? with args beginning with:.*$/s, '').replace(/ Reconnecting\..*$/s, '');
}

/** The error as advice, with the original as its cause; null for what nobody has met yet. */
export function redisAdvice(error: unknown): RollcallError | null {
  for (const at of causesOf(error)) {
    if (at instanceof AggregateError) {
      const inner = redisAdvice(at.errors[0]);
      if (inner !== null) return inner;
    }
    const { code } = at as { code?: unknown };
    const { message } = at;
    const advice =
      (typeof code === 'string' ? CODES[code] : undefined) ?? SAID.find(([pattern]) => pattern.test(message))?.[1];
    if (advice !== undefined)
      return new RollcallError(`${advice.says}: ${withoutArguments(message)}`, { next: advice.next, cause: error });
  }
  return null;
}

/** For a log: one line with what to do, and nothing that may be a password. */
export function redisTrouble(error: Error): Error {
  const advice = redisAdvice(error);
  return new Error(advice === null ? withoutArguments(error.message) : `${advice.message}; ${advice.next}`);
}
