import { beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { isNotFound } from '../../src/engine/kube/apiError.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds, type ResourceKind } from '../../src/engine/kube/kubeObject.ts';
import { Manager } from '../../src/engine/manager.ts';
import { WIDGET_DEFINITION, WidgetKind } from '../simulation/widget.ts';
import { freshNamespace, installDefinition, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';

interface Widget extends KubeObject {
  readonly spec: { readonly size: number };
}

const FINALIZER = 'test.example.org/clean-up';
const fieldManager = 'test';

let client: KubeClient;
let namespace: string;

beforeAll(async () => {
  client = await testClient();
  await installDefinition(client, WIDGET_DEFINITION);
  namespace = await freshNamespace(client);
});

const get = <T extends KubeObject>(kind: ResourceKind, name: string) =>
  client.get<T>(kind, namespace, name, never);
const isGone = (kind: ResourceKind, name: string) =>
  get(kind, name).then(
    () => false,
    (error: unknown) => isNotFound(error),
  );

describe('a manager on a real API server', () => {
  it('makes, mends and removes children, writes the status and events, and cleans up, under a lease', async () => {
    const cleaned: string[] = [];
    const { transport } = await testClient();
    const manager = new Manager({
      name: 'widgets',
      connection: transport,
      namespaces: [namespace],
      leaderElection: { namespace, identity: 'one' },
      logger: silentLogger,
    });
    manager
      .controller<Widget>(WidgetKind)
      .owns(kinds.ConfigMap)
      .owns(kinds.Deployment)
      .finalizer(FINALIZER, async ({ key }) => void cleaned.push(key))
      .reconcile(async (widget) => {
        const { size } = widget.object.spec;
        const names = Array.from({ length: size }, (_, index) => `child-${index}`);
        for (const name of names)
          await widget.ensure({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'b' } });
        for (const child of widget.owned(kinds.ConfigMap))
          if (!names.includes(child.metadata.name)) await widget.remove(child);
        await widget.ensure(deployment);
        await widget.writeStatus({ phase: `size ${size}` });
        widget.event('Normal', 'Made', `made ${size}`);
        return {};
      });
    const stop = new AbortController();
    const running = manager.run(stop.signal);

    const { apiVersion, kind } = WidgetKind;
    const metadata = { name: 'w', namespace };
    await client.create({ apiVersion, kind, metadata, spec: { size: 2 } }, { fieldManager }, never);
    const phaseIs = (phase: string) =>
      eventually(async () => ((await get(WidgetKind, 'w')).status as { phase?: string })?.phase === phase);
    await phaseIs('size 2');
    expect((await get(WidgetKind, 'w')).metadata.finalizers).toEqual([FINALIZER]);
    expect((await get(kinds.Deployment, 'web')).metadata.ownerReferences).toMatchObject([
      { kind: 'Widget', name: 'w', controller: true },
    ]);

    await client.delete(kinds.ConfigMap, namespace, 'child-1', {}, never);
    await eventually(() => get(kinds.ConfigMap, 'child-1'));
    await client.mergePatch(WidgetKind, { namespace, name: 'w', fieldManager }, { spec: { size: 1 } }, never);
    await phaseIs('size 1');
    await eventually(() => isGone(kinds.ConfigMap, 'child-1'));
    await eventually(async () => {
      const { items } = await client.list<KubeObject>(kinds.Event, { namespace }, never);
      return items.some(({ message }) => message === 'made 1');
    });
    await client.delete(WidgetKind, namespace, 'w', {}, never);
    await eventually(() => isGone(WidgetKind, 'w'));
    expect(cleaned).toEqual([`${namespace}/w`]);
    stop.abort();
    await running;
    expect((await get<KubeObject & { spec: object }>(kinds.Lease, 'widgets')).spec).toMatchObject({
      holderIdentity: '',
    });
  });
});

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'none' }] },
    },
  },
};
