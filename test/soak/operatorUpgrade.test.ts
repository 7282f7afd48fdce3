import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LoadedStack } from '../support/loadedStack.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';
import { installOperatorFrom, stopOperator } from '../support/operatorInstallation.ts';
import type { PodObject } from '../support/podWatch.ts';
import { buildPreviousRelease, PREVIOUS_IMAGES, type PreviousRelease } from '../support/previousRelease.ts';

const STACK = 'older';
const PER_SECOND = 10;
const SHARDS = 2;
/** Longer than the interval at which the operator looks at each stack without being asked. */
const QUIET_MS = 45_000;

let previous: PreviousRelease;
let cluster: OperatorCluster;
let stack: LoadedStack;
let before: readonly string[];

/** Every pod of the stack and of its network process, with how often its container started. */
async function pods(): Promise<readonly string[]> {
  const found = (await cluster.pods('app.kubernetes.io/name=whatsapp-business')) as PodObject[];
  return found
    .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] !== 'schema')
    .map(({ metadata, status }) => {
      const restarts = status?.containerStatuses?.map(({ restartCount }) => restartCount).join();
      return `${metadata.name} ${metadata.uid} restarts ${restarts}`;
    })
    .sort();
}
const runsPrevious = (pod: PodObject) => pod.spec.containers[0]?.image === PREVIOUS_IMAGES.stack;
const plan = async () => (await cluster.stack(STACK)).status?.plan ?? [];

beforeAll(async () => {
  previous = await buildPreviousRelease();
  cluster = await OperatorCluster.start(previous.images);
  await installOperatorFrom(cluster, previous.folder, PREVIOUS_IMAGES);
  stack = await LoadedStack.start({
    cluster,
    name: STACK,
    number: '16315556700',
    shards: SHARDS,
    perSecond: PER_SECOND,
  });
  before = await pods();
}, 400_000);
afterAll(async () => {
  await cluster?.close();
  await previous?.close();
});

describe('an upgrade of the operator under load', () => {
  it('starts with a stack that only the earlier operator has made', async () => {
    // Database, two Masters, Coreapps, two Webapps, network process.
    expect(before).toHaveLength(1 + 2 + SHARDS + 1 + 2 + 1);
    expect(stack.pods.pods().filter(runsPrevious)).toHaveLength(before.length - 2);
  });

  it('restarts no pod, and says in status.plan what is held', async () => {
    await stopOperator(cluster);
    await stack.load.flows();
    await installOperatorFrom(cluster, process.cwd());
    await eventually(async () => (await plan()).length > 0, 90_000);
    for (let round = 0; round < 3; round++) {
      await cluster.annotate(STACK, { 'example.com/round': String(round) });
      await stack.load.flows();
    }
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    process.stderr.write(`operator upgrade: held ${JSON.stringify(await plan(), null, 1)}\n`);
    expect(await pods()).toEqual(before);
    expect(stack.pods.moments.map(({ pod, state }) => `${pod.metadata.name} ${state}`)).toEqual([]);
    expect((await plan()).map(({ action }) => action)).toContain('Restart');
    await cluster.ready(STACK);
  });

  it('starts a pod that is deleted meanwhile beside nodes of the earlier release', async () => {
    await cluster.kubectl('delete', 'pod', `${STACK}-coreapp-0-0`, '--wait=true', '--timeout=60s');
    await eventually(() => stack.pods.down().length === 0, 90_000);
    await cluster.ready(STACK, 120_000);
    await stack.load.flows();
    const others = (list: readonly string[]) =>
      list.filter((pod) => !pod.startsWith(`${STACK}-coreapp-0-0 `));
    expect(others(await pods())).toEqual(others(before));
  });

  it('restarts one pod at a time with operatorChanges: Immediately, and becomes Ready', async () => {
    const started = Date.now();
    await cluster.spec(STACK, { upgrade: { operatorChanges: 'Immediately' } });
    const { generation = 0 } = (await cluster.stack(STACK)).metadata;
    const nodes = () => stack.pods.pods();
    await eventually(() => !nodes().some(runsPrevious) && stack.pods.down().length === 0, 300_000);
    await cluster.ready(STACK, 120_000);
    const rollSeconds = Math.round((Date.now() - started) / 100) / 10;
    expect(await plan()).toEqual([]);
    const early = stack.pods.readyTooEarly(generation, runsPrevious);
    process.stderr.write(`operator upgrade: rolled in ${rollSeconds} s\n${stack.pods.timeline()}\n`);
    expect.soft(stack.pods.together(), 'moments with more than one node down').toEqual([]);
    expect.soft(early, 'Ready was True during the roll').toEqual([]);
  });

  it('has lost no accepted message', async () => {
    await stack.load.flows();
    const { report, lost } = await stack.stop();
    process.stderr.write(
      `operator upgrade: ${JSON.stringify({ previous: previous.commit.slice(0, 7), ...report, lost: lost.length })}\n`,
    );
    expect(lost).toEqual([]);
    expect(report.accepted).toBeGreaterThan(400);
    await stack.close();
  });
});
