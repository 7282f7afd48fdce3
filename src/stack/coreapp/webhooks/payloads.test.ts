import { expect, it } from 'vitest';
import { joinStatuses, statusCallback } from './payloads.ts';

it('statuses that share a body stand in it as each stood in its own', () => {
  const payloads = (['sent', 'delivered', 'failed'] as const).map((status) => {
    const errors = status === 'failed' ? [{ code: 470, title: ']}", {"statuses":[' }] : undefined;
    const event = { messageId: `id ${status}`, recipient: '16505551234', status, timestamp: '1', errors };
    return statusCallback(event, 0).payload;
  });
  expect(JSON.parse(joinStatuses(payloads.map((payload) => JSON.stringify(payload))))).toEqual({
    statuses: payloads.flatMap(({ statuses }) => statuses),
  });
});
