import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seeded } from '../../src/base/seeded.ts';
import { eventually } from '../support/eventually.ts';
import { LoadedStack } from '../support/loadedStack.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';
import { killOperatorPod } from '../support/operatorInstallation.ts';
import type { PodObject } from '../support/podWatch.ts';
import { stackApi } from '../support/stackLoad.ts';

const never = new AbortController().signal;
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
/** How often the operator is killed in all; `npm run soak` kills it more often, over several rehearsals. */
const KILLS = Number(process.env.UPGRADE_KILLS ?? 4);
const FIRST = 'v2.57.1';
const NEXT = ['v2.59.1', 'v2.61.1'] as const;
const SHARDS = 2;
const PER_SECOND = 8;
/** A killed operator's successor waits until its lease is free, and then works for at most this long. */
const LONGEST_WORK_MS = 5_000;
const UPGRADE_TIMEOUT_MS = 900_000;

const random = seeded(SEED);
let cluster: OperatorCluster;
let kills = 0;

beforeAll(async () => {
  process.stderr.write(`upgrade rehearsal: SEED=${SEED} UPGRADE_KILLS=${KILLS}\n`);
  cluster = await OperatorCluster.start();
  await cluster.installOperator();
  await cluster.kubectl('delete', 'wad', 'shop', '--wait=true', '--timeout=60s');
});
afterAll(() => cluster?.close());

/** Who holds the operator's lease, as the operator itself writes it. */
async function leader(): Promise<string> {
  const path = '{.spec.holderIdentity}';
  return cluster.kubectl(
    '-n',
    'waba-operator-system',
    'get',
    'lease',
    'waba-operator',
    '-o',
    `jsonpath=${path}`,
  );
}

/** Kills the operator at random moments while it leads, until `isDone` or `most` kills. */
async function killAtRandom(most: number, isDone: () => boolean): Promise<number> {
  let done = 0;
  let last = '';
  while (done < most && !isDone()) {
    const current = await leader().catch(() => last);
    if (current === last || current === '') {
      await new Promise((resolve) => setTimeout(resolve, 100));
      continue;
    }
    await new Promise((resolve) => setTimeout(resolve, random() * LONGEST_WORK_MS));
    if (isDone()) break;
    if (await killOperatorPod(cluster)) done += 1;
    last = current;
  }
  return done;
}

const versionOf = (pod: PodObject) =>
  pod.spec.containers[0]?.env?.find(({ name }) => name === 'WABA_CLIENT_VERSION')?.value;
const isDatabase = (pod: PodObject) => pod.metadata.labels?.['app.kubernetes.io/component'] === 'database';

async function upgrade(stack: LoadedStack, name: string, version: string, most: number) {
  const { pods } = stack;
  const started = Date.now();
  const isNew = (pod: PodObject) => isDatabase(pod) || versionOf(pod) === version;
  await cluster.spec(name, { version });
  const { generation = 0 } = (await cluster.stack(name)).metadata;
  let isOver = false;
  const settled = eventually(
    () => pods.pods().every(isNew) && pods.down().length === 0,
    UPGRADE_TIMEOUT_MS,
  ).finally(() => {
    isOver = true;
  });
  const done = await Promise.all([killAtRandom(most, () => isOver), settled]).then(([count]) => count);
  await cluster.ready(name, 120_000);
  return { version, kills: done, generation, isNew, seconds: Math.round((Date.now() - started) / 100) / 10 };
}

describe('an upgrade of the client version', () => {
  it(`goes over ${NEXT.join(' and ')} while the operator is killed ${KILLS} times (seed ${SEED})`, async () => {
    for (let round = 0; round === 0 || kills < KILLS; round++) {
      const name = `upgrade-${round}`;
      const stack = await LoadedStack.start({
        cluster,
        name,
        number: `16315556${String(800 + round)}`,
        shards: SHARDS,
        perSecond: PER_SECOND,
        spec: { version: FIRST },
      });
      const upgrades: Awaited<ReturnType<typeof upgrade>>[] = [];
      for (const version of NEXT) {
        const left = KILLS - kills;
        const most = version === NEXT.at(-1) ? left : Math.ceil(left / 2);
        upgrades.push(await upgrade(stack, name, version, most));
        kills += upgrades.at(-1)?.kills ?? 0;
      }
      await stack.load.flows();
      const { client, login } = await stackApi(cluster, name);
      const support = Object.values(await client.support.nodes(await login(), never));
      client.close();
      const { report, lost } = await stack.stop();
      const told = upgrades.map(({ version, kills: killed, seconds }) => ({ version, killed, seconds }));
      const { pods } = stack;
      process.stderr.write(
        `upgrade rehearsal: ${JSON.stringify({ round, upgrades: told, ...report, lost: lost.length })}\n${pods.timeline()}\n`,
      );
      await stack.close();
      expect.soft(pods.together(), 'moments with more than one node down').toEqual([]);
      for (const { generation, isNew } of upgrades)
        expect
          .soft(
            pods.readyTooEarly(generation, (pod) => !isNew(pod)),
            'Ready too early',
          )
          .toEqual([]);
      expect.soft(lost, 'accepted, but never delivered').toEqual([]);
      expect(support.map(({ version }) => version?.replace(/^v?/, 'v'))).toEqual(
        support.map(() => NEXT.at(-1)),
      );
      expect(support).toHaveLength(2 + SHARDS + 1);
    }
    expect(kills).toBeGreaterThanOrEqual(KILLS);
  }, 3_600_000);
});
