// Where hooks may connect to (domain/watch/address.ts). A name is resolved once, its addresses are checked, and the
// connection goes to one of just those: a name server that answers differently the second time is not asked again.
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { classOfAddress } from '../../../domain/watch/address.ts';
import { NotDelivered } from './request.ts';

/** All addresses of a name, as this machine resolves it. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export interface Destination {
  /** At least one; all of them may be spoken to. */
  readonly addresses: readonly string[];
  /** None of them leaves this machine or its private networks. */
  readonly isInternal: boolean;
  /** All of them are this machine. */
  readonly isLoopback: boolean;
}

const ADDRESSES_MAX = 16;

export const resolveHere: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);

/**
 * @param hostname of a URL: a name, or an address, IPv6 in brackets
 * @throws NotDelivered where one of its addresses may not be spoken to, or there is none
 */
export async function destinationOf(
  hostname: string,
  {
    allowInternal,
    resolve,
    limit,
  }: { readonly allowInternal: boolean; readonly resolve: Resolve; readonly limit: AbortSignal },
): Promise<Destination> {
  const bare = hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
  // Two names for one thing: what is an address is not asked for.
  const addresses = isIP(bare) === 0 ? await orLate(resolved(bare, resolve), limit) : [bare];
  const classes = addresses.map(classOfAddress);
  // One bad address is enough: an honest name has none.
  if (classes.includes('never'))
    throw new NotDelivered(
      'the host has an address that no hook may speak to (link-local, metadata, multicast, reserved)',
    );
  if (classes.includes('internal') && !allowInternal)
    throw new NotDelivered(
      'the host has an address of this machine or of a private network; where that is meant, set allow_internal for this hook',
    );
  return {
    addresses,
    isInternal: classes.every((one) => one === 'internal'),
    isLoopback: addresses.every((address) => address === '::1' || address.startsWith('127.')),
  };
}

export const LATE = 'the receiver did not answer in time';

/** A name server that does not answer cannot be called off; it is left alone. */
async function orLate<T>(work: Promise<T>, limit: AbortSignal): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    limit.addEventListener('abort', () => reject(new NotDelivered(LATE)), { once: true });
  });
  return Promise.race([work, late]);
}

async function resolved(hostname: string, resolve: Resolve): Promise<readonly string[]> {
  let addresses: readonly string[];
  try {
    addresses = await resolve(hostname);
  } catch (cause) {
    throw new NotDelivered(
      `the name of the host was not resolved (${(cause as NodeJS.ErrnoException).code ?? 'no code'})`,
      {
        cause,
      },
    );
  }
  if (addresses.length === 0) throw new NotDelivered('the name of the host has no address');
  return addresses.slice(0, ADDRESSES_MAX);
}

/** For net and tls: gives what was checked, whatever it is asked for. */
export function lookupOf({ addresses }: Destination): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, options, callback) => {
    const wanted = found.filter(
      ({ family }) => options.family === undefined || [0, family].includes(Number(options.family)),
    );
    const [first] = wanted;
    if (first === undefined)
      callback(Object.assign(new Error('no address of that family'), { code: 'ENOTFOUND' }), '', 0);
    else if (options.all === true) callback(null, wanted);
    else callback(null, first.address, first.family);
  };
}

/** A connection that leads elsewhere than what was checked is a bug, and ends before a word is said. */
export function isChecked({ addresses }: Destination, remoteAddress: string | undefined): boolean {
  const plain = (address: string): string => (isIP(address) === 6 ? new URL(`http://[${address}]/`).hostname : address);
  return remoteAddress !== undefined && addresses.map(plain).includes(plain(remoteAddress));
}
