import { systemClock } from '../src/base/clock.ts';
import { waitUntil } from '../src/base/waitUntil.ts';
import { CUSTOMER, startBenchStack } from './benchStack.ts';

const never = new AbortController().signal;
const wait = {
  clock: systemClock,
  everyMs: 50,
  timeoutMs: 300_000,
  late: () => new Error('no message was accepted within five minutes'),
};
const INTERVALS = [
  { heartbeat_interval: 1, unhealthy_interval: 5 },
  { heartbeat_interval: 5, unhealthy_interval: 30 },
];

/** Time from the death of the Coreapp that serves the number to the next accepted message. */
export async function benchFailover(): Promise<[string, string][]> {
  const rows: [string, string][] = [];
  for (const intervals of INTERVALS) {
    const stack = await startBenchStack(
      ['master-0', 'master-1', 'coreapp-0', 'coreapp-1'],
      { rateLimits: false },
      intervals,
    );
    try {
      const { processes, client, session } = stack;
      const send = () =>
        client.messages.sendText(session, CUSTOMER, 'still there?', never).then(
          () => true,
          () => false,
        );
      await waitUntil(send, wait, never);
      const nodes = Object.entries(await client.health.nodes(session, never));
      const [owner = ''] = nodes.find(
        ([, { role, gateway_status: status }]) => role === 'coreapp' && status === 'connected',
      ) ?? [''];
      const startedAt = performance.now();
      processes.signal(owner.split(':')[1] ?? '', 'SIGKILL');
      await waitUntil(send, wait, never);
      rows.push([
        `failover with unhealthy_interval ${intervals.unhealthy_interval} s, from SIGKILL to the next message taken`,
        `${((performance.now() - startedAt) / 1000).toFixed(1)} s`,
      ]);
    } finally {
      await stack.close();
    }
  }
  return rows;
}
