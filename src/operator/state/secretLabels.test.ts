import { describe, expect, it } from 'vitest';
import { chartRules, withinRules } from '../../../test/support/chartRules.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { systemClock } from '../../base/clock.ts';
import type { Source } from '../../engine/controller/sources.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, keyOf, kinds } from '../../engine/kube/kubeObject.ts';
import { ObjectCache } from '../../engine/kube/objectCache.ts';
import { SimulatedApiServer } from '../../engine/simulation/simulatedApiServer.ts';
import { SimulatedTransport } from '../../engine/simulation/simulatedTransport.ts';
import {
  FIELD_MANAGER,
  generatedSecretNames,
  names,
  secretLabels,
  sharedSecretNames,
} from '../plan/facts/names.ts';
import { SecretLabels } from './secretLabels.ts';

const never = new AbortController().signal;
const resource = whatsAppDeployment({ spec: { tls: { selfSigned: {} } } });
const WRITTEN = [names('shop').journal, ...generatedSecretNames(resource), ...sharedSecretNames(resource)];

const sourceOf = (cache: ObjectCache<KubeObject>) =>
  ({ kind: kinds.Secret, cache }) as unknown as Source<KubeObject>;

/** The operator with exactly the rights that the chart gives it, and Secrets that it wrote but cannot see by its labels. */
async function setup(secretNames: readonly string[], manager = FIELD_MANAGER) {
  const server = new SimulatedApiServer({ clock: systemClock });
  const connect = (fence?: ReturnType<typeof withinRules>) =>
    new KubeClient(new SimulatedTransport({ server, clock: systemClock, ...(fence ? { fence } : {}) }));
  const admin = connect();
  const client = connect(withinRules(await chartRules()));
  const [all, labelled] = [new ObjectCache<KubeObject>({}), new ObjectCache<KubeObject>({})];
  for (const name of secretNames) {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'default', labels: { team: 'a' } },
      data: { key: 'eA==' },
    };
    all.store(await admin.create<KubeObject>(secret as KubeObject, { fieldManager: manager }, never));
  }
  const events: string[] = [];
  const recorder = { record: (_: KubeObject, { message }: { message: string }) => events.push(message) };
  const sources = { secrets: sourceOf(all), secretsOfStacks: sourceOf(labelled) };
  const secretLabels = new SecretLabels(client, sources, recorder as unknown as EventRecorder);
  const read = (name: string) => admin.get<KubeObject>(kinds.Secret, 'default', name, never);
  return { client, secretLabels, labelled, read, events };
}

describe('labels that somebody removed from a Secret of the operator', () => {
  it.each(WRITTEN)('are put back with the rights that the chart gives: %s', async (name) => {
    const { secretLabels: labels, labelled, read, events } = await setup([name]);
    await labels.restore(resource, never);
    const restored = await read(name);
    expect(restored).toMatchObject({
      metadata: { labels: { team: 'a', ...secretLabels(resource, name) } },
      data: { key: 'eA==' },
    });
    expect(labelled.get(keyOf(restored))?.metadata.labels).toEqual(restored.metadata.labels);
    expect(events).toEqual([
      expect.stringContaining(`Secret ${name}: metadata.labels.app.kubernetes.io/name`),
    ]);
    await labels.restore(resource, never);
    expect((await read(name)).metadata.resourceVersion).toBe(restored.metadata.resourceVersion);
  });

  it('are not put on a Secret that somebody else wrote', async () => {
    const { secretLabels: labels, read, events } = await setup(WRITTEN, 'helm');
    await labels.restore(resource, never);
    for (const name of WRITTEN) expect((await read(name)).metadata.labels).toEqual({ team: 'a' });
    expect(events).toEqual([]);
  });
});
