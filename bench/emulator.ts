import { StackClient } from '../src/client/stackClient.ts';
import { HttpsStackTransport } from '../src/client/stackTransport.ts';
import { DEFAULT_ADMIN } from '../src/onprem/users.ts';
import { startBareServer } from './bareServer.ts';
import { CUSTOMER, NUMBER, startBenchStack } from './benchStack.ts';
import type { LoadOptions } from './httpsLoad.ts';
import { laptopStartMs, startLaptopProcess } from './laptopProcess.ts';
import { type Contestant, median, type Round, runRound } from './loadRound.ts';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = Number(process.env.SECONDS ?? 5);
/** Load before the measurement, so that the code is compiled; for the bare server too. */
const WARM_UP_SECONDS = 5;
const CONNECTIONS = 64;
const STARTS = 5;
const ROLES = ['webapp-0', 'coreapp-0', 'database', 'network'];
/** As the stack in processes has it. */
const SETTINGS = { webhooks: { max_concurrent_requests: 24 } };
const never = new AbortController().signal;

type Rows = [string, string][];
type Load = Omit<LoadOptions, 'seconds'>;

/**
 * Messages per second through one Webapp and one Coreapp, on PostgreSQL and in memory, beside a bare HTTPS server that
 * gets the same load. All three run all the time, and the load goes to one after the other, for several rounds.
 */
export async function benchEmulator(): Promise<Rows> {
  const starts: number[] = [];
  for (let start = 0; start < STARTS; start++) starts.push(await laptopStartMs());
  // With the documented limits on, they would be the result.
  const stack = await startBenchStack(['coreapp-0'], { isSingle: true, rateLimits: false });
  const { receiver, processes } = stack;
  const opened: { close(): unknown }[] = [stack];
  try {
    const bareServer = await startBareServer(receiver.pair);
    opened.push(bareServer);
    const laptop = await startLaptopProcess(receiver, SETTINGS);
    opened.push(laptop);
    const bare: Contestant = {
      load: loadOf({ host: '127.0.0.1', port: bareServer.port, ca: receiver.caPem }, ''),
      pids: { server: bareServer.pid },
    };
    const database: Contestant = {
      load: loadOf(targetOf(stack.address), stack.session.token),
      pids: Object.fromEntries(ROLES.map((role) => [role, processes.pid(role)])),
      receiver,
    };
    const memory: Contestant = {
      load: loadOf(targetOf(laptop.address), await tokenOf(laptop)),
      pids: { emulator: laptop.pid },
      receiver,
    };
    const contestants = [bare, database, memory];
    for (const contestant of contestants) await runRound(contestant, WARM_UP_SECONDS);
    const rounds: Round[][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const results: Round[] = [];
      for (const contestant of contestants) results.push(await runRound(contestant, SECONDS));
      rounds.push(results);
    }
    const of = (index: number) => rounds.map((round) => round[index] as Round);
    return [
      ['bare Node HTTPS server, same load', speed(of(0))],
      ['  CPU ms a request', cpu(of(0))],
      ...rowsOf('PostgreSQL: messages accepted and committed', of(1), of(0)),
      ...rowsOf('in memory: messages accepted', of(2), of(0)),
      ['in memory: start of the process to its first byte', `${median(starts).toFixed(0)} ms`],
    ];
  } finally {
    for (const each of opened.reverse()) await each.close();
  }
}

const loadOf = (target: Pick<Load, 'host' | 'port' | 'ca' | 'serverName'>, token: string): Load => ({
  ...target,
  path: '/v1/messages',
  headers: { authorization: `Bearer ${token}` },
  body: (index) => JSON.stringify({ to: CUSTOMER, type: 'text', text: { body: `message ${index}` } }),
  connections: CONNECTIONS,
});

const targetOf = ({
  caPem: ca,
  ...address
}: {
  caPem: string;
  host: string;
  port: number;
  serverName: string;
}) => ({
  ...address,
  ca,
});

/** Logs in, and lets the customer write first, as in the other stack. */
async function tokenOf(laptop: Awaited<ReturnType<typeof startLaptopProcess>>): Promise<string> {
  const client = new StackClient(new HttpsStackTransport(targetOf(laptop.address)));
  const { token } = await client.users.login(DEFAULT_ADMIN.username, laptop.password, {}, never);
  await fetch(`${laptop.controlUrl}/numbers/${NUMBER}/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ from: CUSTOMER, text: 'Hi' }),
  });
  return token;
}

const percent = (value: number) => `${(value * 100).toFixed(0)} %`;
const range = (values: readonly number[], show: (value: number) => string) =>
  `${show(median(values))} (${show(Math.min(...values))} to ${show(Math.max(...values))})`;
const speed = (rounds: readonly Round[]) =>
  `${range(
    rounds.map(({ perSecond }) => perSecond),
    (value) => value.toFixed(0),
  )}/s, ${rounds.reduce((sum, { failed }) => sum + failed, 0)} failed`;

/** Of each process, and of this one, which sends the load and receives the webhooks. */
const cpu = (rounds: readonly Round[]) =>
  Object.keys(rounds[0]?.cpuMs ?? {})
    .map((name) => `${name} ${median(rounds.map(({ cpuMs }) => cpuMs[name] ?? 0)).toFixed(3)}`)
    .join(', ');

function rowsOf(name: string, rounds: readonly Round[], bare: readonly Round[]): Rows {
  const each = (read: (round: Round) => number) => rounds.map(read);
  const shares = rounds.map(({ perSecond }, index) => perSecond / (bare[index]?.perSecond ?? Number.NaN));
  return [
    [name, speed(rounds)],
    ['  share of the bare server in the same round', range(shares, percent)],
    [
      '  answer time p50 / p99',
      `${median(each(({ p50Ms }) => p50Ms)).toFixed(0)} / ${median(each(({ p99Ms }) => p99Ms)).toFixed(0)} ms`,
    ],
    [
      '  webhook statuses (three a message) that came under load',
      range(
        each(({ toldShare }) => toldShare),
        percent,
      ),
    ],
    [
      '  last answer to last status',
      range(
        each(({ behindMs }) => behindMs),
        (value) => `${value.toFixed(0)} ms`,
      ),
    ],
    [
      '  statuses in a callback',
      range(
        each(({ perCallback }) => perCallback),
        (value) => value.toFixed(1),
      ),
    ],
    ['  CPU ms a message', cpu(rounds)],
  ];
}
