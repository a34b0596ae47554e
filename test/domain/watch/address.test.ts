import { isIP } from 'node:net';
import { describe, expect, test } from 'vitest';
import { classOfAddress } from '../../../domain/watch/address.ts';
import { fc } from '../../support/random.ts';

describe('addresses that hooks may speak to', () => {
  test.each([
    ['9.9.9.9', 'public'],
    ['1.1.1.1', 'public'],
    ['172.15.255.255', 'public'],
    ['172.32.0.0', 'public'],
    ['100.63.255.255', 'public'],
    ['2606:4700::1111', 'public'],
    ['2a00:1450:4001:82a::200e', 'public'],
    ['::ffff:9.9.9.9', 'public'],
    ['64:ff9b::9.9.9.9', 'public'],
    ['127.0.0.1', 'internal'],
    ['127.255.255.254', 'internal'],
    ['10.1.2.3', 'internal'],
    ['172.16.0.1', 'internal'],
    ['172.31.255.255', 'internal'],
    ['192.168.178.1', 'internal'],
    ['100.64.0.1', 'internal'],
    ['::1', 'internal'],
    ['0:0:0:0:0:0:0:1', 'internal'],
    ['fd12:3456::1', 'internal'],
    ['::ffff:127.0.0.1', 'internal'],
    ['::ffff:7f00:1', 'internal'],
    ['64:ff9b::10.0.0.1', 'internal'],
    ['64:ff9b::a00:1', 'internal'],
    ['169.254.169.254', 'never'],
    ['::ffff:169.254.169.254', 'never'],
    ['64:ff9b::a9fe:a9fe', 'never'],
    ['100.100.100.200', 'never'],
    ['168.63.129.16', 'never'],
    ['192.0.0.192', 'never'],
    ['fd00:ec2::254', 'never'],
    ['0.0.0.0', 'never'],
    ['0.1.2.3', 'never'],
    ['224.0.0.1', 'never'],
    ['255.255.255.255', 'never'],
    ['::', 'never'],
    ['::7f00:1', 'never'],
    ['fe80::1', 'never'],
    ['fe80::1%eth0', 'never'],
    ['fec0::1', 'never'],
    ['ff02::1', 'never'],
    ['2002:7f00:1::', 'never'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'never'],
    ['64:ff9b:1::7f00:1', 'never'],
    ['::ffff:0:127.0.0.1', 'never'],
  ])('%s is %s', (address, expected) => expect(classOfAddress(address)).toBe(expected));

  test('what is no address in its plain form is never spoken to', () => {
    for (const text of ['', 'localhost', '0x7f.1', '0177.0.0.1', '127.1', '2130706433', '1.2.3.4.5', '256.1.1.1'])
      expect([text, classOfAddress(text)]).toEqual([text, 'never']);
    for (const text of [':::', '1::2::3', '1:2:3:4:5:6:7', '::1:2:3:4:5:6:7:8', '12345::', '::1.2.3', ' ::1'])
      expect([text, classOfAddress(text)]).toEqual([text, 'never']);
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), (text) => isIP(text) !== 0 || classOfAddress(text) === 'never'),
    );
  });

  test('an address has one class in every way of writing it', () => {
    fc.assert(
      fc.property(fc.ipV4(), (four) => {
        const hex = four.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
        const end = `${hex[0]}${hex[1]}:${hex[2]}${hex[3]}`;
        const classes = [four, `::ffff:${four}`, `::FFFF:${end}`, `0:0:0:0:0:ffff:${end}`, `64:ff9b::${end}`];
        expect(new Set(classes.map(classOfAddress)).size).toBe(1);
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), (six) => {
        const plain = new URL(`http://[${six}]/`).hostname.slice(1, -1);
        expect(classOfAddress(six)).toBe(classOfAddress(plain));
      }),
    );
  });
});
