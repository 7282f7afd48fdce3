import { afterEach, expect, it } from 'vitest';
import { seeded } from '../../src/base/seeded.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import { startCloudProcess } from '../support/cloudProcess.ts';
import { CountedLoad } from '../support/countedLoad.ts';
import { eventually } from '../support/eventually.ts';
import { GraphDouble, type GraphFate } from '../support/graphDouble.ts';
import { startPlainReceiver } from '../support/plainReceiver.ts';

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
  let isUnkind = true;
  const refused = new Set<string>();
  const graph = await GraphDouble.start({
    fate: ({ biz_opaque_callback_data: id }): GraphFate => {
      const number = isUnkind ? random() : 1;
      if (number < 0.05) return 'accepted-without-answer';
      if (number < 0.1) return 'accepted-with-500';
      if (number < 0.13) return 'dropped';
      if (number < 0.16) return { code: 131016 };
      if (number < 0.19) {
        refused.add(id);
        return { code: 131026 };
      }
      return 'ok';
    },
    // Some come before the answer, some in another order, some twice.
    delivery: () => ({ afterMs: Math.floor(random() * 1_000), times: random() < 0.1 ? 2 : 1 }),
  });
  closers.push(() => graph.close());
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
    (index) => client.messages.sendText(session, `1650557${1000 + (index % 40)}`, `message ${index}`, never),
    PER_SECOND,
  );
  for (let kills = 0; kills < KILLS; kills++) {
    await new Promise((done) => setTimeout(done, 300 + random() * 1_500));
    await kill();
    session = await eventually(() => client.users.login(about.username, about.password, {}, never));
  }
  await load.stop();
  isUnkind = false;
  expect(load.accepted.length).toBeGreaterThan(KILLS);
  const isTold = (id: string) =>
    receiver.statuses().some((status) => status.id === id && status.status !== 'sent');
  const untold = () => load.accepted.filter((id) => !isTold(id));
  await eventually(() => untold().length === 0, 60_000).catch(() => {});
  await graph.settled();
  const times = new Map<string, number>();
  for (const { message } of graph.accepted)
    times.set(message.biz_opaque_callback_data, (times.get(message.biz_opaque_callback_data) ?? 0) + 1);
  const lost = load.accepted.filter((id) => !times.has(id) && !refused.has(id));
  const twice = [...times].filter(([, count]) => count > 1);
  process.stdout.write(
    `${load.accepted.length} accepted, ${refused.size} refused, ${lost.length} lost, ${twice.length} twice\n`,
  );
  expect({ lost, twice, untold: untold() }).toEqual({ lost: [], twice: [], untold: [] });
});
