import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageId } from '../onprem/messages.ts';
import { cloudId, onPremisesId } from './messageIds.ts';

describe('ids of messages', () => {
  it('are the same again after both conversions', () => {
    const waId = fc.stringMatching(/^[1-9][0-9]{5,14}$/);
    const key = fc.uint8Array({ minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(
        waId,
        key,
        fc.constantFrom('inbound' as const, 'outbound' as const),
        (peer, bytes, direction) => {
          const id = messageId(direction, peer, (count) => bytes.subarray(0, count));
          const wamid = cloudId(id);
          expect(wamid).toMatch(/^wamid\.[A-Za-z0-9+/]+=*$/);
          expect(wamid?.length).toBeLessThanOrEqual(128);
          expect(onPremisesId(wamid ?? '')).toBe(id);
        },
      ),
    );
  });

  it('of another structure have no counterpart', () => {
    expect(onPremisesId('wamid.HBgSomethingElse')).toBeUndefined();
    expect(onPremisesId('gBEGkYiEB1VXAglK1ZEqA1YKPrU')).toBeUndefined();
    expect(cloudId('hello')).toBeUndefined();
  });
});
