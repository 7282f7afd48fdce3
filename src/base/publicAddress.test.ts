import { describe, expect, it } from 'vitest';
import { isLinkLocal, isPrivateAddress, isPublicAddress } from './publicAddress.ts';

describe('an address', () => {
  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '127.0.0.1',
    '127.255.0.1',
    '169.254.169.254',
    '172.31.0.1',
    '192.168.0.1',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    'fe80::1',
    'fd00::1',
    'ff02::1',
    'localhost',
    '',
  ])('%s is not of the internet', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(['8.8.8.8', '172.32.0.1', '::ffff:8.8.8.8', '2606:4700::1111'])('%s is', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    ['127.0.0.1', true, false],
    ['::1', true, false],
    ['::ffff:10.0.0.1', true, false],
    ['fd00::1', true, false],
    ['169.254.169.254', true, true],
    ['::ffff:169.254.169.254', true, true],
    ['fe80::1', true, true],
    ['fec0::1', false, false],
    ['100.64.0.1', false, false],
    ['8.8.8.8', false, false],
    ['localhost', false, false],
  ])('%s is of a private network: %s, and of a machine itself: %s', (address, isPrivate, isLink) => {
    expect([isPrivateAddress(address), isLinkLocal(address)]).toEqual([isPrivate, isLink]);
  });
});
