import { afterEach, expect, it } from 'vitest';
import { seeded } from '../../src/base/seeded.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import { startCloudProcess } from '../support/cloudProcess.ts';
import { CountedLoad } from '../support/countedLoad.ts';
import { eventually } from '../support/eventually.ts';
import { startPlainReceiver } from '../support/plainReceiver.ts';
import { SimulatedGraph } from '../support/simulatedGraph.ts';

const never = new AbortController().signal;
/** `npm run soak` raises both. */
const KILLS = Number(process.env.CLOUD_KILLS ?? 4);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const PER_SECOND = 20;
/** Statuses come within a second here, but this machine may be busy. */
const UNKNOWN_OUTCOME_SECONDS = 10;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const timeout = 120_000 + KILLS * 15_000;
it(`a gateway that is killed ${KILLS} times posts each accepted message once (SEED=${SEED})`, {
  timeout,
}, async () => {
  const random = seeded(SEED);
  const graph = await SimulatedGraph.start();
  closers.push(() => graph.close());
  const people = Array.from({ length: 40 }, (_, index) => `1650557${1000 + index}`);
  await graph.openWindows(...people);
  const faults = [
    { cut: true, isServed: true, share: 0.05 },
    { status: 500, isServed: true, share: 0.05 },
    { cut: true, share: 0.03 },
    { code: 131016, share: 0.03 },
    { code: 131026, share: 0.03 },
  ];
  graph.setFaults(...faults.map((fault, index) => ({ path: '*/messages', seed: SEED + index, ...fault })));
  // Some come before the answer, some in another order, some twice.
  graph.setWebhookFaults(
    { kind: 'statuses', jitterMs: 1_000, repeats: 1, share: 0.1, seed: SEED },
    { kind: 'statuses', jitterMs: 1_000 },
  );
  const receiver = await startPlainReceiver();
  closers.push(receiver.close);
  const gateway = await startCloudProcess(graph, {
    webhookUrl: receiver.url,
    unknownOutcomeSeconds: UNKNOWN_OUTCOME_SECONDS,
  });
  closers.push(gateway.close);
  const { about, kill } = gateway;
  const client = new StackClient(new HttpsStackTransport(await gateway.address()));
  closers.push(async () => client.close());
  let session = await client.users.login(about.username, about.password, {}, never);
  const load = new CountedLoad(
    (index) =>
      client.messages.sendText(session, people[index % people.length] ?? '', `message ${index}`, never),
    PER_SECOND,
  );
  for (let kills = 0; kills < KILLS; kills++) {
    await new Promise((done) => setTimeout(done, 300 + random() * 1_500));
    await kill();
    session = await eventually(() => client.users.login(about.username, about.password, {}, never));
  }
  await load.stop();
  graph.setFaults();
  expect(load.accepted.length).toBeGreaterThan(KILLS);
  const isTold = (id: string) =>
    receiver.statuses().some((status) => status.id === id && status.status !== 'sent');
  const untold = () => load.accepted.filter((id) => !isTold(id));
  await eventually(() => untold().length === 0, 60_000).catch(() => {});
  await graph.settled();
  const times = new Map<string, number>();
  for (const { opaque = '' } of graph.accepted) times.set(opaque, (times.get(opaque) ?? 0) + 1);
  const lost = load.accepted.filter((id) => !times.has(id) && !graph.refused.has(id));
  const twice = [...times].filter(([, count]) => count > 1);
  process.stdout.write(
    `${load.accepted.length} accepted, ${graph.refused.size} refused, ${lost.length} lost, ${twice.length} twice\n`,
  );
  expect({ lost, twice, untold: untold() }).toEqual({ lost: [], twice: [], untold: [] });
});
