import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterEach, expect, it } from 'vitest';
import { freePort } from '../../src/base/ports.ts';
import { seeded } from '../../src/base/seeded.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
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

/** The emulator with the Cloud API behind it, as a process that can be killed and started again on the same data. */
async function gateway(graph: GraphDouble, webhookUrl: string) {
  const folder = await mkdtemp(join(tmpdir(), 'waba-cloud-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const [port, webhookPort] = [await freePort(), await freePort()];
  const variables = {
    WABA_CLOUD_PHONE_NUMBER_ID: graph.phoneNumberId,
    WABA_CLOUD_BUSINESS_ACCOUNT_ID: graph.businessAccountId,
    WABA_CLOUD_ACCESS_TOKEN: graph.token,
    WABA_CLOUD_APP_SECRET: graph.appSecret,
    WABA_CLOUD_VERIFY_TOKEN: 'verify-token',
    WABA_CLOUD_GRAPH_URL: graph.url,
    WABA_CLOUD_WEBHOOK_URL: `http://127.0.0.1:${webhookPort}/webhook`,
    WABA_CLOUD_UNKNOWN_OUTCOME_SECONDS: UNKNOWN_OUTCOME_SECONDS,
  };
  const file = join(folder, 'cloud.env');
  await writeFile(
    file,
    Object.entries(variables)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const args = [
    '--data',
    join(folder, 'data'),
    '--port',
    port,
    '--cloud',
    file,
    '--cloud-webhook-port',
    webhookPort,
  ];
  const start = async () => {
    const program = execa(
      process.execPath,
      [
        resolve('dist/emulator.js'),
        ...args.map(String),
        '--webhook',
        webhookUrl,
        '--no-rate-limits',
        '--json',
      ],
      { reject: false },
    );
    const about = await new Promise<{ caFile: string; username: string; password: string }>((done, fail) => {
      program.stdout.once('data', (line) => done(JSON.parse(String(line))));
      void program.then(({ stderr }) => fail(new Error(stderr)));
    });
    return { program, about };
  };
  let running = await start();
  closers.push(async () => {
    running.program.kill();
    await running.program;
  });
  return {
    about: running.about,
    port,
    kill: async () => {
      running.program.kill('SIGKILL');
      await running.program;
      running = await start();
    },
  };
}

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
  const { about, port, kill } = await gateway(graph, receiver.url);
  const ca = await readFile(about.caFile, 'utf8');
  const client = new StackClient(
    new HttpsStackTransport({ host: 'localhost', port, serverName: 'localhost', ca }),
  );
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
