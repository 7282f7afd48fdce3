import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { ControllerMetrics } from '../../src/engine/controller/metrics.ts';
import { Sources } from '../../src/engine/controller/sources.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { EventRecorder } from '../../src/engine/kube/eventRecorder.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { fleetsController } from '../../src/operator/fleets/fleetsController.ts';
import { FLEET, FLEET_CHANGE } from '../../src/operator/plan/facts/names.ts';
import {
  API_VERSION,
  KIND,
  type WhatsAppDeployment,
} from '../../src/operator/resource/whatsAppDeployment.ts';
import {
  FLEET_KIND,
  parseWhatsAppFleet,
  type WhatsAppFleet,
} from '../../src/operator/resource/whatsAppFleet.ts';
import {
  WhatsAppDeploymentKind,
  WhatsAppFleetKind,
  watchStacks,
} from '../../src/operator/state/stackSources.ts';
import { runWaba } from '../support/cliRun.ts';
import { freshNamespace, installCrd, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';

/** The controller of fleets alone on a real API server. What the operator tells of stacks is played. */

const OLD = 'v2.57.1';
const NEW = 'v2.59.1';

let client: KubeClient;
let namespace: string;
let otherNamespace: string;
let stop: AbortController;
let stopped: Promise<unknown>;

beforeAll(async () => {
  client = await testClient();
  await installCrd(client);
  namespace = await freshNamespace(client);
  otherNamespace = await freshNamespace(client);
  stop = new AbortController();
  const parts = { client, clock: systemClock, random: Math.random, logger: silentLogger };
  const registry = new Registry();
  const sources = new Sources({ ...parts, namespaces: [namespace, otherNamespace], registry });
  const controller = fleetsController({
    ...parts,
    registry,
    metrics: new ControllerMetrics(registry),
    recorder: new EventRecorder({ ...parts, component: 'waba-operator' }),
    sources: watchStacks(sources),
    operatorNamespace: namespace,
    clientOf: () => parts.client,
    missing: () => [],
    counters: () => undefined,
    whereOurs: (reconcile) => reconcile,
  });
  const running = sources.run(stop.signal);
  await sources.settled();
  stopped = Promise.all([running, controller.run(stop.signal, new AbortController().signal)]);
}, 120_000);
afterAll(async () => {
  stop?.abort();
  await stopped;
});

const manager = { fieldManager: 'test' };

/** A stack that runs the old version. Its manifest has no version unless `spec` says so. */
async function stack(
  name: string,
  labels: Record<string, string>,
  spec: object = {},
  where = namespace,
): Promise<void> {
  await client.create(
    {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { name, namespace: where, labels },
      spec: { phoneNumber: '+16315551000', ...spec },
    } as KubeObject,
    manager,
    never,
  );
  await tell(name, true, '', where);
}

const read = async (name: string, where = namespace): Promise<WhatsAppDeployment> =>
  (await client.get<KubeObject>(WhatsAppDeploymentKind, where, name, never)) as unknown as WhatsAppDeployment;

/** The operator's verdict on the stack as it is now. */
async function tell(name: string, isReady: boolean, message = '', where = namespace): Promise<void> {
  const { metadata, spec } = await read(name, where);
  const condition = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    message,
    observedGeneration: metadata.generation,
    lastTransitionTime: new Date().toISOString(),
  });
  await client.apply(
    {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { name, namespace: where },
      status: {
        conditions: [
          condition('Progressing', 'False', isReady ? 'Settled' : 'RolloutStopped'),
          condition('Ready', isReady ? 'True' : 'False', isReady ? 'Ready' : 'PodsNotReady'),
        ],
        nodes: [{ name: `${name}-coreapp-0`, role: 'Coreapp', ready: isReady, version: spec.version ?? OLD }],
      },
    } as KubeObject,
    { fieldManager: 'waba-operator', force: true, subresource: 'status' },
    never,
  );
}

const create = (name: string, spec: object, where = namespace) =>
  client.create(
    { apiVersion: API_VERSION, kind: FLEET_KIND, metadata: { name, namespace: where }, spec } as KubeObject,
    manager,
    never,
  );
async function fleet(name: string, where = namespace): Promise<WhatsAppFleet> {
  const parsed = parseWhatsAppFleet(await client.get(WhatsAppFleetKind, where, name, never));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.resource;
}
const waitFor = async (name: string, type: string, reason: string, where = namespace): Promise<string> => {
  let last: WhatsAppFleet | undefined;
  return eventually(async () => {
    last = await fleet(name, where);
    const told = last.status?.conditions?.find((condition) => condition.type === type);
    return told?.reason === reason && told.observedGeneration === last.metadata.generation
      ? told.message
      : undefined;
  }, 30_000).catch((cause: unknown) => {
    throw new Error(JSON.stringify(last?.status), { cause });
  });
};
const hasVersion = (name: string, version: string) =>
  eventually(async () => (await read(name)).spec.version === version, 20_000);
const waba = (...args: string[]) => runWaba(['--kubeconfig', inject('kubeconfig'), '-n', namespace, ...args]);

describe('a WhatsAppFleet', () => {
  it('changes a ring, halts at the first failure with the rest untouched, and rolls back', async () => {
    await stack('one', { fleet: 'a', ring: 'canary' });
    for (const name of ['two', 'three']) await stack(name, { fleet: 'a' });
    await create('a', {
      selector: { matchLabels: { fleet: 'a' } },
      version: NEW,
      rings: [
        { name: 'canary', selector: { matchLabels: { ring: 'canary' } }, soakSeconds: 0 },
        { name: 'rest', maxUnavailablePercent: 100, soakSeconds: 0 },
      ],
    });
    await hasVersion('one', NEW);
    expect((await read('one')).metadata.annotations).toMatchObject({
      [FLEET]: `${namespace}/a`,
      [FLEET_CHANGE]: expect.stringMatching(/^[0-9a-f]+@2/),
    });
    await tell('one', false, 'the pods do not start');
    expect(await waitFor('a', 'Halted', 'StackFailed')).toBe(
      `ring canary: ${namespace}/one: RolloutStopped: the pods do not start`,
    );
    for (const name of ['two', 'three']) expect((await read(name)).spec.version).toBeUndefined();
    const shown = await waba('fleet', 'status', 'a', '--exit-code');
    expect([shown.code, shown.stderr]).toEqual([3, '']);
    expect(shown.stdout).toContain('kubectl waba fleet rollback a');

    expect((await waba('fleet', 'rollback', 'a')).code).toBe(0);
    await hasVersion('one', OLD);
    await tell('one', true);
    // The way back gives the others the old version too, so that their spec says what they run.
    await hasVersion('two', OLD);
    await hasVersion('three', OLD);
    for (const name of ['two', 'three']) await tell(name, true);
    await waitFor('a', 'Complete', 'Complete');

    expect((await waba('fleet', 'rollback', 'a', '--to', NEW)).code).toBe(0);
    await hasVersion('one', NEW);
    await tell('one', true);
    await hasVersion('two', NEW);
    await hasVersion('three', NEW);
    for (const name of ['two', 'three']) await tell(name, true);
    await waitFor('a', 'Complete', 'Complete');
    const { items } = await client.list(kinds.Event, { namespace }, never);
    expect(items.map((event) => (event as { reason?: string }).reason)).toContain('FleetHalted');
  }, 120_000);

  it('does not take the version away from another manager, and names it', async () => {
    await stack('owned', { fleet: 'b' });
    await client.apply(
      {
        apiVersion: API_VERSION,
        kind: KIND,
        metadata: { name: 'owned', namespace },
        spec: { phoneNumber: '+16315551000', version: OLD },
      } as KubeObject,
      { fieldManager: 'argocd', force: true },
      never,
    );
    await tell('owned', true);
    await create('b', { selector: { matchLabels: { fleet: 'b' } }, version: NEW });
    const message = await waitFor('b', 'Halted', 'ChangeRefused');
    expect(message).toContain('argocd');
    expect(message).toContain('.spec.version');
    expect((await read('owned')).spec.version).toBe(OLD);
    // The manifest lets go of the field.
    await client.apply(
      {
        apiVersion: API_VERSION,
        kind: KIND,
        metadata: { name: 'owned', namespace },
        spec: { phoneNumber: '+16315551000' },
      } as KubeObject,
      { fieldManager: 'argocd', force: true },
      never,
    );
    await tell('owned', true);
    expect((await waba('fleet', 'resume', 'b')).stdout).toContain('b goes on');
    await hasVersion('owned', NEW);
  }, 60_000);

  it('rolls changes of the operator ring by ring, and takes its permission back when a stack is done', async () => {
    await stack('held', { fleet: 'c' });
    const plan = (entries: object[]) =>
      client.apply(
        {
          apiVersion: API_VERSION,
          kind: KIND,
          metadata: { name: 'held', namespace },
          status: { plan: entries },
        } as KubeObject,
        { fieldManager: 'waba-operator-plan', force: true, subresource: 'status' },
        never,
      );
    await create('c', { selector: { matchLabels: { fleet: 'c' } }, operatorChanges: 'Roll' });
    await waitFor('c', 'Complete', 'Complete');
    expect((await read('held')).metadata.annotations?.[FLEET]).toBeUndefined();
    await plan([{ target: 'Image of the stack', action: 'Restart', reason: 'held', operatorChange: true }]);
    await eventually(async () => (await read('held')).spec.upgrade.operatorChanges === 'Immediately', 20_000);
    await plan([]);
    await tell('held', true);
    await eventually(async () => (await read('held')).spec.upgrade.operatorChanges === 'Hold', 20_000);
    await tell('held', true);
    await waitFor('c', 'Complete', 'Complete');
  }, 60_000);

  it('has stacks of other namespaces only in the namespace of the operator, and not those of an older fleet', async () => {
    await stack('far', { fleet: 'd' }, {}, otherNamespace);
    await create(
      'intruder',
      { namespaces: ['*'], selector: { matchLabels: { fleet: 'd' } }, version: NEW },
      otherNamespace,
    );
    expect(await waitFor('intruder', 'Complete', 'NotAllowed', otherNamespace)).toContain(
      `only a fleet in namespace ${namespace}`,
    );
    await create('d', { namespaces: ['*'], selector: { matchLabels: { fleet: 'd' } }, version: NEW });
    await eventually(async () => (await read('far', otherNamespace)).spec.version === NEW, 20_000);
    await tell('far', true, '', otherNamespace);
    await waitFor('d', 'Complete', 'Complete');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await create('younger', { namespaces: [otherNamespace], version: OLD });
    await eventually(async () => {
      const { status } = await fleet('younger');
      return status?.stacks?.some(({ reason }) => reason === `belongs to the older fleet ${namespace}/d`);
    }, 20_000);
    expect((await read('far', otherNamespace)).spec.version).toBe(NEW);
  }, 60_000);

  it('is refused with a rule that cannot be meant', async () => {
    const wrong: readonly (readonly [object, string])[] = [
      [{}, 'a fleet needs version, or operatorChanges: Roll'],
      [{ version: 'latest' }, 'spec.version'],
      [
        { version: NEW, rings: [{ name: 'a', percentage: 5, selector: { matchLabels: { a: 'b' } } }] },
        'a ring has either a selector or a percentage',
      ],
      [{ version: NEW, rings: [{ name: 'a' }, { name: 'b' }] }, 'only the last ring'],
      [{ version: NEW, rings: [{ name: 'a', maxUnavailablePercent: 150 }] }, 'maxUnavailablePercent'],
      [{ version: NEW, rings: [{ name: 'a', maxUnavailable: 0 }] }, 'maxUnavailable'],
    ];
    for (const [spec, message] of wrong)
      await expect(create('wrong', spec), JSON.stringify(spec)).rejects.toThrow(message);
  });
});
