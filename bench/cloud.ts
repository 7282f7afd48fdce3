import { StackClient } from '../src/client/stackClient.ts';
import { HttpsStackTransport } from '../src/client/stackTransport.ts';
import { startCloudProcess } from '../test/support/cloudProcess.ts';
import { startPlainReceiver } from '../test/support/plainReceiver.ts';
import { SimulatedGraph } from '../test/support/simulatedGraph.ts';
import { pacedLoad } from './pacedLoad.ts';
import { printTable } from './printTable.ts';
import { cpuSeconds, ownCpuSeconds } from './processCpu.ts';

// The gateway to the Cloud API beside the Cloud API itself, which is simulated in this process: what it adds to a message, and
// whether its pace keeps to the throughput of the number.
const never = new AbortController().signal;
const THROUGHPUT = Number(process.env.THROUGHPUT ?? 80);
const SECONDS = Number(process.env.SECONDS ?? 20);
const PEOPLE = 2_000;
const DIRECT_POSTS = 500;
/** Below the pace of the gateway, so that no message waits for others. */
const LATENCY_SHARE = 0.5;

const person = (index: number) => `1650${String(5_550_000 + (index % PEOPLE)).padStart(7, '0')}`;
const quantiles = (values: readonly number[]): string => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
};

const arrivals = new Map<string, number>();
const graph = await SimulatedGraph.start({
  limits: true,
  onAccepted: ({ content }) => {
    const { body } = content.text as { readonly body: string };
    arrivals.set(body, performance.now());
  },
});
const people = Array.from({ length: PEOPLE }, (_, index) => person(index));
await graph.openWindows(...people);
if (THROUGHPUT > 80)
  await graph.network.record({ type: 'graph-number', number: graph.number, change: { throughput: 'HIGH' } });
const receiver = await startPlainReceiver();
const gateway = await startCloudProcess(graph, {
  webhookUrl: receiver.url,
  unknownOutcomeSeconds: 900,
  throughput: THROUGHPUT,
});
const { ca: caPem, ...address } = await gateway.address();
const client = new StackClient(new HttpsStackTransport({ ...address, ca: caPem }));
try {
  const session = await client.users.login(gateway.about.username, gateway.about.password, {}, never);
  const load = (perSecond: number, messages: number) =>
    pacedLoad({
      address: { ...address, caPem },
      token: session.token,
      perSecond,
      messages,
      recipient: person,
    });

  const direct: number[] = [];
  for (let index = 0; index < Math.min(DIRECT_POSTS, THROUGHPUT); index++) {
    const startedAt = performance.now();
    await postDirectly(index);
    direct.push(performance.now() - startedAt);
  }
  await new Promise((done) => setTimeout(done, 1_100));

  const sentAt: number[] = [];
  const rate = THROUGHPUT * LATENCY_SHARE;
  const count = Math.floor(rate * SECONDS);
  const startedAt = performance.now();
  for (let index = 0; index < count; index++) sentAt.push(startedAt + (index * 1_000) / rate);
  await load(rate, count);
  await until(() => arrived('message ') >= count);
  const added = sentAt.map((at, index) => (arrivals.get(`message ${index}`) ?? Number.NaN) - at);

  arrivals.clear();
  const burstAt = performance.now();
  const cpu = {
    gateway: ownCpuSeconds(gateway.pid()),
    all: cpuSeconds(gateway.pid()),
    bench: ownCpuSeconds(process.pid),
  };
  await load(0, THROUGHPUT * SECONDS);
  await until(() => arrived('message ') >= THROUGHPUT * SECONDS);
  const seconds = (performance.now() - burstAt) / 1_000;
  await graph.settled();
  const sent = () => receiver.statuses().filter(({ status }) => status === 'delivered').length;
  await until(() => sent() >= count + THROUGHPUT * SECONDS);
  const perMessage = (used: number) => `${((used * 1_000) / (THROUGHPUT * SECONDS)).toFixed(2)} ms`;
  const own = ownCpuSeconds(gateway.pid()) - cpu.gateway;
  const costs = {
    gateway: perMessage(own),
    database: perMessage(cpuSeconds(gateway.pid()) - cpu.all - own),
    bench: perMessage(ownCpuSeconds(process.pid) - cpu.bench),
  };
  printTable([
    ['the Cloud API itself, one post after another', quantiles(direct)],
    [`through the gateway at ${rate}/s, from the post to its arrival`, quantiles(added)],
    [
      `as fast as ${THROUGHPUT}/s allow`,
      `${((THROUGHPUT * SECONDS) / seconds).toFixed(0)}/s arrived, ${graph.refusals.length} refused`,
    ],
    ['CPU of the stack for each message, with its statuses', costs.gateway],
    ['CPU of its database', costs.database],
    ['CPU of the load, the simulated Cloud API and the receiver', costs.bench],
    ['callbacks "delivered"', `${sent()} of ${count + THROUGHPUT * SECONDS}`],
  ]);
} finally {
  client.close();
  await gateway.close();
  await receiver.close();
  await graph.close();
}

function arrived(prefix: string): number {
  let found = 0;
  for (const text of arrivals.keys()) if (text.startsWith(prefix)) found += 1;
  return found;
}

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((done) => setTimeout(done, 50));
}

async function postDirectly(index: number): Promise<void> {
  const response = await fetch(`${graph.url}/v26.0/${graph.phoneNumberId}/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${graph.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: `+${person(index)}`,
      type: 'text',
      text: { body: `direct ${index}` },
      biz_opaque_callback_data: `direct ${index}`,
    }),
  });
  await response.arrayBuffer();
}
