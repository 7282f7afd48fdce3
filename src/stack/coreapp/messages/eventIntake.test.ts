import { expect, it } from 'vitest';
import { silentLogger } from '../../../base/silentLogger.ts';
import type { MessageUpdate } from '../../store/messageStore.ts';
import type { NetworkEvent } from '../../wire/networkProtocol.ts';
import { NodeMetrics } from '../nodeMetrics.ts';
import { EventIntake, type EventIntakeOptions } from './eventIntake.ts';

const unused = () => {
  throw new Error('not used here');
};

function intakeOf(update: (update: MessageUpdate) => Promise<void>): EventIntake {
  return new EventIntake({
    store: { update } as unknown as EventIntakeOptions['store'],
    media: {} as EventIntakeOptions['media'],
    metrics: new NodeMetrics(),
    now: () => 0,
    version: 'v2.57.1',
    logger: silentLogger,
    settings: () => undefined,
    download: unused,
    memory: () => undefined,
    onCallback: () => {},
    onWaiting: () => {},
  });
}

let eventId = 0;
const statusOf = (messageId: string, status: 'delivered' | 'read'): NetworkEvent => ({
  eventId: ++eventId,
  body: { kind: 'status', messageId, recipient: '16505551234', status, timestamp: '1' },
});

it('stores no status of a message before an earlier one that the database refused', async () => {
  const stored: string[] = [];
  let refusals = 1;
  const intake = intakeOf(async ({ messageId, receipt }) => {
    await Promise.resolve();
    if (messageId === 'a' && refusals-- > 0) throw new Error('read-only');
    stored.push(`${messageId} ${receipt}`);
  });
  const events = [statusOf('a', 'delivered'), statusOf('a', 'read'), statusOf('b', 'delivered')];
  await expect(intake.take(events, 0)).rejects.toThrow('read-only');
  await intake.take(events.slice(0, 2), 0);
  expect(stored).toEqual(['b delivered', 'a delivered', 'a read']);
});
