import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Condition } from '../../src/operator/resource/status.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';

/** A fleet of real stacks: what its controller decides from the status that the operator itself tells. */

const NEW = 'v2.59.1';
const STACKS = { first: '16315558301', second: '16315558302' } as const;
type Name = keyof typeof STACKS;
const NAMES = Object.keys(STACKS) as Name[];
/** The process node has no programs for it. */
const MISSING = { webapp: 'nowhere.example/web:v2.59.1', coreapp: 'nowhere.example/core:v2.59.1' };

let cluster: OperatorCluster;
beforeAll(async () => {
  cluster = await OperatorCluster.start();
  await cluster.installOperator();
  for (const name of NAMES)
    await cluster.apply({
      apiVersion: 'waba-operator.dev/v1alpha1',
      kind: 'WhatsAppDeployment',
      metadata: { name, namespace: 'default', labels: { team: 'shops', order: name } },
      spec: { phoneNumber: `+${STACKS[name]}`, topology: 'Single' },
    });
  for (const name of NAMES) await cluster.ready(name, 180_000);
}, 400_000);
afterAll(() => cluster?.close());

const fleetCondition = async (type: string): Promise<Condition | undefined> => {
  const fleet = JSON.parse(await cluster.kubectl('get', 'wafl', 'shops', '-o', 'json')) as {
    metadata: { generation: number };
    status?: { conditions?: Condition[] };
  };
  return fleet.status?.conditions?.find(
    (each) => each.type === type && each.observedGeneration === fleet.metadata.generation,
  );
};
const podsOf = async (name: Name) =>
  (await cluster.pods(`app.kubernetes.io/instance=${name}`)).map(({ metadata }) => metadata.uid).sort();
const versionsOf = async (name: Name) =>
  (await cluster.stack(name)).status?.nodes?.flatMap(({ version }) => version ?? []) ?? [];

describe('a fleet of two stacks', () => {
  it('halts at the first that cannot run the change, leaves the other alone, and goes on with a corrected one', {
    timeout: 600_000,
  }, async () => {
    const untouched = await podsOf('second');
    await cluster.apply({
      apiVersion: 'waba-operator.dev/v1alpha1',
      kind: 'WhatsAppFleet',
      metadata: { name: 'shops', namespace: 'default' },
      spec: {
        selector: { matchLabels: { team: 'shops' } },
        version: NEW,
        images: MISSING,
        rings: [
          { name: 'canary', selector: { matchLabels: { order: 'first' } }, soakSeconds: 5 },
          { name: 'rest', soakSeconds: 5 },
        ],
      },
    });
    await eventually(async () => (await cluster.stack('first')).spec.version === NEW, 60_000);
    // Whichever process leads next has to find out by itself.
    expect(cluster.killOperator()).toBe(true);
    const halted = await eventually(async () => {
      const condition = await fleetCondition('Halted');
      return condition?.status === 'True' ? condition : undefined;
    }, 240_000);
    expect(halted.reason).toBe('StackFailed');
    expect(halted.message).toMatch(/^ring canary: default\/first: /);
    expect((await cluster.stack('second')).spec.version).toBeUndefined();
    expect(await podsOf('second')).toEqual(untouched);

    await cluster.kubectl('patch', 'wafl', 'shops', '--type=merge', '-p', '{"spec":{"images":null}}');
    await eventually(async () => (await fleetCondition('Complete'))?.status === 'True', 300_000);
    for (const name of NAMES) {
      await cluster.ready(name, 60_000);
      expect(new Set(await versionsOf(name))).toEqual(new Set([expect.stringContaining(NEW.slice(1))]));
      expect(await cluster.number(STACKS[name])).toMatchObject({ registrations: 1 });
    }
    expect(await podsOf('second')).not.toEqual(untouched);
  });
});
