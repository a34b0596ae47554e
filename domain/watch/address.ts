// Which addresses a hook may speak to. A URL of a hook comes from the catalog or from a name server, and the machine
// that follows it stands inside the network: without this it would knock at doors that no stranger reaches.

/**
 * public: anybody's · internal: this machine and private networks, where the hook allows it · never: what no hook has
 * any business with (metadata services of clouds, link-local, multicast, reserved, documentation)
 */
export type AddressClass = 'public' | 'internal' | 'never';

type Range = readonly [prefix: string, bits: number, of: AddressClass];

/** The first that fits holds. IANA special-purpose registries, read 2026-11-30; metadata addresses of large clouds. */
const V4: readonly Range[] = [
  ['169.254.0.0', 16, 'never'],
  ['100.100.100.200', 32, 'never'],
  ['168.63.129.16', 32, 'never'],
  ['192.0.0.0', 24, 'never'],
  ['0.0.0.0', 8, 'never'],
  ['127.0.0.0', 8, 'internal'],
  ['10.0.0.0', 8, 'internal'],
  ['172.16.0.0', 12, 'internal'],
  ['192.168.0.0', 16, 'internal'],
  ['100.64.0.0', 10, 'internal'],
  ['198.18.0.0', 15, 'internal'],
  ['192.0.2.0', 24, 'never'],
  ['192.88.99.0', 24, 'never'],
  ['198.51.100.0', 24, 'never'],
  ['203.0.113.0', 24, 'never'],
  ['224.0.0.0', 4, 'never'],
  ['240.0.0.0', 4, 'never'],
];

const V6: readonly Range[] = [
  ['fd00:ec2::254', 128, 'never'],
  ['fd20:ce::254', 128, 'never'],
  ['::1', 128, 'internal'],
  ['fc00::', 7, 'internal'],
  ['2001::', 23, 'never'],
  ['2001:db8::', 32, 'never'],
  ['2002::', 16, 'never'],
  ['3fff::', 20, 'never'],
  ['2000::', 3, 'public'],
];

/** Addresses that carry one of IPv4 in their last 32 bits: mapped, and those of NAT64. */
const CARRIERS: readonly (readonly [prefix: string, bits: number])[] = [
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
];

/** Of an address as name servers and sockets write it; what is none is never spoken to. */
export function classOfAddress(address: string): AddressClass {
  const four = fourOf(address);
  if (four !== null)
    return V4.find(([prefix, bits]) => isIn(four, { prefix: fourOf(prefix), bits, size: 32 }))?.[2] ?? 'public';
  const six = sixOf(address);
  if (six === null) return 'never';
  if (CARRIERS.some(([prefix, bits]) => isIn(six, { prefix: sixOf(prefix), bits, size: 128 })))
    return classOfAddress(dotted(six & 0xffff_ffffn));
  return V6.find(([prefix, bits]) => isIn(six, { prefix: sixOf(prefix), bits, size: 128 }))?.[2] ?? 'never';
}

function isIn(
  address: bigint,
  { prefix, bits, size }: { readonly prefix: bigint | null; readonly bits: number; readonly size: number },
): boolean {
  const shift = BigInt(size - bits);
  return prefix !== null && address >> shift === prefix >> shift;
}

function dotted(four: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((four >> shift) & 0xffn)).join('.');
}

/** Four decimal numbers; other forms (octal, hexadecimal, fewer parts) are no address. */
function fourOf(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return null;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

/** With or without `::` and a dotted end; a zone (`%eth0`) is a link, and no address here. */
function sixOf(text: string): bigint | null {
  const dottedEnd = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dottedEnd !== null) {
    const four = fourOf(dottedEnd[2] ?? '');
    if (four === null) return null;
    return sixOf(`${dottedEnd[1]}${(four >> 16n).toString(16)}:${(four & 0xffffn).toString(16)}`);
  }
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}
