import { describe, expect, it } from 'vitest';
import { mayProbe } from './probeTargets.ts';

const may = (host: string, address: string) => mayProbe({ host, address, namespace: 'shop' }, 'Public');

describe('a probe of a webhook receiver', () => {
  it.each(['93.184.216.34', '2606:2800:220:1::1'])('may connect to the public address %s', (address) => {
    expect(may('receiver.example', address)).toBe(true);
  });

  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.31.0.1',
    '192.168.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:10.1.2.3',
    '::ffff:169.254.169.254',
    'fd00::1',
    'fe80::1',
  ])('may not connect to %s unless the operator allows all', (address) => {
    expect(may('receiver.example', address)).toBe(false);
    expect(mayProbe({ host: 'receiver.example', address, namespace: 'shop' }, 'All')).toBe(true);
  });

  it('may connect to a Service of the namespace of the stack, and to no other', () => {
    expect(may('receiver.shop.svc', '10.1.2.3')).toBe(true);
    expect(may('Receiver.shop.svc.cluster.local', '10.1.2.3')).toBe(true);
    expect(may('receiver.shop.svc', '169.254.169.254')).toBe(false);
    expect(may('receiver.other.svc', '10.1.2.3')).toBe(false);
    expect(may('shop.svc', '10.1.2.3')).toBe(false);
    expect(may('receiver.shop.example', '10.1.2.3')).toBe(false);
  });
});
