import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { eventually } from '../support/eventually.ts';
import { LoadedStack } from '../support/loadedStack.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';
import type { PodMoment, PodObject } from '../support/podWatch.ts';

const never = new AbortController().signal;
const numbers = (text: string): number[] => text.split(',').map(Number);
/** Sizes of the stacks; `npm run soak` rolls others too. */
const SHARDS = numbers(process.env.ROLL_SHARDS ?? '4');
/** How long the StatefulSet and Deployment controllers hang, in one roll each. */
const STOP_SECONDS = numbers(process.env.ROLL_STOP_SECONDS ?? '3');
const PER_SECOND = 15;
const ROLL_TIMEOUT_MS = 600_000;
const CONTROLLERS = 'kube-controller-manager';

/** Changes that restart pods. The first restarts the database too. */
const CHANGES = [
  {
    roles: 'every pod',
    spec: (value: string) => ({ imagePullSecrets: [{ name: value }] }),
    has: (pod: PodObject, value: string) => pod.spec.imagePullSecrets?.[0]?.name === value,
  },
  {
    roles: 'every node but the database',
    spec: (value: string) => {
      const podTemplate = { env: [{ name: 'ROLL', value }] };
      return { nodes: { master: { podTemplate }, coreapp: { podTemplate }, webapp: { podTemplate } } };
    },
    has: (pod: PodObject, value: string) =>
      pod.metadata.labels?.['app.kubernetes.io/component'] === 'database' ||
      pod.spec.containers[0]?.env?.some((variable) => variable.name === 'ROLL' && variable.value === value),
  },
] as const;

const CASES = SHARDS.flatMap((shards) =>
  STOP_SECONDS.map((stopSeconds) => ({
    shards,
    stopSeconds,
    name: `roll-${shards}-${stopSeconds}`,
    number: `16315556${String(shards).padStart(2, '0')}${stopSeconds % 10}`,
    change: shards === 4 ? CHANGES[1] : CHANGES[0],
  })),
);

let cluster: OperatorCluster;

beforeAll(async () => {
  cluster = await OperatorCluster.start();
  await cluster.installOperator();
  await cluster.kubectl('delete', 'wad', 'shop', '--wait=true', '--timeout=60s');
});
afterAll(() => cluster?.close());

/** Makes the controllers hang twice: when the first restarted pod is ready again, and when a later one goes down. */
function hangTwice(seconds: number, isNew: (pod: PodObject) => boolean) {
  const { controlPlane } = cluster.cluster;
  const pauses: Promise<void>[] = [];
  let isHanging = false;
  let terminated = 0;
  const hang = () => {
    isHanging = true;
    controlPlane.signal(CONTROLLERS, 'SIGSTOP');
    pauses.push(
      sleep(systemClock, seconds * 1_000, never).then(() => {
        controlPlane.signal(CONTROLLERS, 'SIGCONT');
        isHanging = false;
      }),
    );
  };
  return {
    onMoment: ({ state, pod }: PodMoment) => {
      if (state === 'Terminating') terminated += 1;
      if (isHanging) return;
      const isBack = pauses.length === 0 && state === 'Ready' && isNew(pod);
      const isGoing = pauses.length === 1 && state === 'Terminating' && terminated > 3;
      if (isBack || isGoing) hang();
    },
    /** @returns how often the controllers hung */
    end: async () => {
      await Promise.all(pauses);
      return pauses.length;
    },
  };
}

describe('a roll under load', () => {
  for (const { shards, stopSeconds, name, number, change } of CASES)
    it(`restarts ${change.roles} of a stack with ${shards} shards one at a time while the controllers hang for ${stopSeconds} s`, async () => {
      const stack = await LoadedStack.start({ cluster, name, number, shards, perSecond: PER_SECOND });
      const { pods } = stack;
      const isNew = (pod: PodObject) => change.has(pod, 'second') === true;
      const hangs = hangTwice(stopSeconds, isNew);
      pods.onMoment = hangs.onMoment;
      const started = Date.now();
      await cluster.spec(name, change.spec('second'));
      const { generation = 0 } = (await cluster.stack(name)).metadata;
      await eventually(() => pods.pods().every(isNew) && pods.down().length === 0, ROLL_TIMEOUT_MS);
      const { status } = await cluster.ready(name, 120_000);
      const rollSeconds = Math.round((Date.now() - started) / 100) / 10;
      const hung = await hangs.end();
      // Long enough that a second, late restart would be seen.
      await stack.load.flows(3 * PER_SECOND);
      const { report, lost } = await stack.stop();
      const early = pods.readyTooEarly(generation, (pod) => !isNew(pod));
      const together = pods.together();
      process.stderr.write(
        `rolls: ${JSON.stringify({ shards, stopSeconds, hung, rollSeconds, ...report, lost: lost.length, readyTooEarly: early.length, mostDown: Math.max(0, ...pods.moments.map(({ down }) => down.length)) })}\n${pods.timeline()}\n`,
      );
      await stack.close();
      expect.soft(together, 'moments with more than one node down').toEqual([]);
      expect.soft(early, 'Ready was True during the roll').toEqual([]);
      expect.soft(lost, 'accepted, but never delivered').toEqual([]);
      expect.soft(status?.shards, 'after the roll').toMatchObject({ desired: shards, served: shards });
      expect(hung).toBe(2);
      expect(report.accepted).toBeGreaterThan(100);
    }, 1_500_000);
});
