import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type Credentials, kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kindOf, kinds } from '../../src/engine/kube/kubeObject.ts';
import { isAtomicMap, LIST_KEYS } from '../../src/engine/kube/mergeTypes.ts';
import { CHILD_KINDS } from '../../src/operator/state/stackSources.ts';
import { freshNamespace, installCrd, never, testClient, WhatsAppDeploymentKind } from '../support/cluster.ts';
import { type CountedOperator, playKubelet, startCountedOperator } from '../support/countedOperator.ts';
import { eventually } from '../support/eventually.ts';
import type { Edit } from '../support/handEdits.ts';
import { undone } from '../support/repairs.ts';

const STACK = 'shop';
/** Kinds of children whose schema the API server has from the start. */
const BUILT_IN = CHILD_KINDS.map((kind) => kinds[kind]);

let client: KubeClient;
let credentials: Credentials;
let namespace: string;
let operator: CountedOperator;
const kubelet = new AbortController();

const stackOf = (name: string, spec: object = {}): KubeObject => ({
  apiVersion: WhatsAppDeploymentKind.apiVersion,
  kind: WhatsAppDeploymentKind.kind,
  metadata: { name, namespace },
  spec: { phoneNumber: '+16315550801', topology: 'HighAvailability', ...spec },
});

beforeAll(async () => {
  client = await testClient();
  credentials = await kubeconfigCredentials(systemClock, { path: inject('kubeconfig') });
  await installCrd(client);
  namespace = await freshNamespace(client);
  operator = startCountedOperator(credentials, namespace);
  void playKubelet(client, namespace, kubelet.signal);
  await client.create(stackOf(STACK), { fieldManager: 'test' }, never);
  await eventually(async () => (await condition('WorkloadsReady'))?.status === 'True', 90_000);
});

afterAll(async () => {
  await operator.stop();
  kubelet.abort();
});

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

async function conditions(name = STACK): Promise<readonly Condition[]> {
  const { status } = await client.get<KubeObject & { status?: { conditions?: Condition[] } }>(
    WhatsAppDeploymentKind,
    namespace,
    name,
    never,
  );
  return status?.conditions ?? [];
}
const condition = async (type: string, name = STACK) =>
  (await conditions(name)).find((candidate) => candidate.type === type);

const read = <T extends KubeObject>(kind: Parameters<typeof kindOf>[0] & object, name: string): Promise<T> =>
  client.get<T>(kindOf(kind), namespace, name, never);
const service = (name = `${STACK}-webapp`) => read(kinds.Service, name);

async function events(name = STACK): Promise<string[]> {
  const { items } = await client.list<KubeObject & { message: string; involvedObject: { name: string } }>(
    kinds.Event,
    { namespace },
    never,
  );
  return items.filter(({ involvedObject }) => involvedObject.name === name).map(({ message }) => message);
}

const edited = (path: string, change: (object: KubeObject) => KubeObject): Edit => ({
  name: path,
  apply: change,
});
interface PodSpec {
  containers: {
    name: string;
    env: { name: string; value?: string; valueFrom?: object }[];
    ports: { name: string; containerPort: number }[];
    readinessProbe: object;
  }[];
  volumes: { name: string }[];
}
const withPodSpec = (object: KubeObject, change: (spec: PodSpec) => void): KubeObject => {
  const copy = structuredClone(object) as KubeObject & { spec: { template: { spec: PodSpec } } };
  change(copy.spec.template.spec);
  return copy;
};
const withSpec = (object: KubeObject, spec: object): KubeObject => ({
  ...object,
  spec: { ...(object.spec as object), ...spec },
});

describe('an edit of a child that an apply cannot mend', () => {
  it('to the number of a port is undone, and the event names who made it', async () => {
    const edit = edited('port', (object) =>
      withSpec(object, { ports: [{ name: 'https', port: 8443, targetPort: 'https' }] }),
    );
    expect(await undone(client, operator, await service(), edit, 'replace')).toBeLessThanOrEqual(3);
    const { spec } = await service();
    expect((spec as { ports: { port: number }[] }).ports.map(({ port }) => port)).toEqual([443]);
    await eventually(async () =>
      (await events()).some((text) => /Service shop-webapp: .*ports.* changed by kubectl-replace/.test(text)),
    );
  });

  it.each<[string, string, Edit]>([
    [
      'a container port',
      'StatefulSet/shop-master-0',
      edited('port', (object) =>
        withPodSpec(object, ({ containers: [container] }) => {
          for (const port of container?.ports ?? []) port.containerPort += 1000;
        }),
      ),
    ],
    [
      'the source of a volume',
      'StatefulSet/shop-database',
      edited('volume', (object) =>
        withPodSpec(object, (spec) => {
          spec.volumes = spec.volumes.map(({ name }) => ({ name, hostPath: { path: '/tmp' } }));
        }),
      ),
    ],
    [
      'a value instead of our valueFrom',
      'StatefulSet/shop-database',
      edited('env', (object) =>
        withPodSpec(object, ({ containers: [container] }) => {
          for (const variable of container?.env ?? []) {
            delete variable.valueFrom;
            variable.value = 'mine';
          }
        }),
      ),
    ],
    [
      'the handler of a probe',
      'Deployment/shop-webapp',
      edited('probe', (object) =>
        withPodSpec(object, ({ containers: [container] }) => {
          if (container) container.readinessProbe = { exec: { command: ['true'] } };
        }),
      ),
    ],
    [
      'a strategy that excludes ours',
      'Deployment/waba-network',
      edited('strategy', (object) => withSpec(object, { strategy: { type: 'RollingUpdate' } })),
    ],
    [
      'a variable given twice',
      'StatefulSet/shop-master-0',
      edited('env', (object) =>
        withPodSpec(object, ({ containers: [container] }) => {
          const [first] = container?.env ?? [];
          if (first) container?.env.push({ name: first.name, value: 'twice' });
        }),
      ),
    ],
    [
      'a key in a selector',
      'Service/shop-webapp',
      edited('selector', (object) => {
        const { selector } = object.spec as { selector: object };
        return withSpec(object, { selector: { ...selector, foo: 'bar' } });
      }),
    ],
    [
      'what only another type of Service takes',
      'Service/shop-webapp',
      edited('ranges', (object) =>
        withSpec(object, { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/8'] }),
      ),
    ],
  ])('to %s is undone (%s)', async (_, key, edit) => {
    const [kind = '', name = ''] = key.split('/');
    const object = await read<KubeObject>(kinds[kind as 'Service'], name);
    expect(await undone(client, operator, object, edit, 'replace')).toBeLessThanOrEqual(3);
  });

  it('leaves labels, sidecars and volumes of others, also where it replaces the object', async () => {
    const object = await read<KubeObject>(kinds.Deployment, 'shop-webapp');
    const edit = edited('both', (live) => {
      const next = withPodSpec(live, (spec) => {
        spec.containers.push({ name: 'mesh', image: 'mesh:1' } as never);
        spec.volumes.push({ name: 'mesh' });
        const [container] = spec.containers;
        for (const port of container?.ports ?? []) port.containerPort += 1;
      });
      return { ...next, metadata: { ...next.metadata, labels: { ...next.metadata.labels, team: 'mesh' } } };
    });
    expect(await undone(client, operator, object, edit, 'replace')).toBeLessThanOrEqual(3);
    const after = await read<KubeObject>(kinds.Deployment, 'shop-webapp');
    expect(after.metadata.labels?.team).toBe('mesh');
    withPodSpec(after, ({ containers, volumes }) => {
      expect(containers.map(({ name }) => name)).toEqual(['webapp', 'mesh']);
      expect(volumes.map(({ name }) => name)).toContain('mesh');
    });
  });
});

describe('the labels of the operator', () => {
  it('are put back on every Secret and claim, and nothing is told to be lost or foreign', async () => {
    const told: string[] = [];
    for (const name of ['shop-journal', 'shop-keys', 'shop-database']) await unlabel(kinds.Secret, name);
    for (const name of ['shop-media', 'shop-database']) await unlabel(kinds.PersistentVolumeClaim, name);
    await eventually(async () => {
      told.push(...(await conditions()).map(({ message }) => message));
      const secrets = await Promise.all(
        ['shop-journal', 'shop-keys', 'shop-database'].map((name) => read(kinds.Secret, name)),
      );
      const claims = await Promise.all(
        ['shop-media', 'shop-database'].map((name) => read(kinds.PersistentVolumeClaim, name)),
      );
      return [...secrets, ...claims].every(
        ({ metadata }) =>
          metadata.labels?.['app.kubernetes.io/managed-by'] === 'waba-operator' &&
          metadata.labels?.['app.kubernetes.io/instance'] === STACK,
      );
    }, 20_000);
    expect(told.filter((message) => /delete|is gone|not part of/.test(message))).toEqual([]);
  });

  const unlabel = (kind: (typeof kinds)[keyof typeof kinds], name: string) =>
    client.mergePatch(
      kind,
      { namespace, name },
      { metadata: { labels: { 'app.kubernetes.io/managed-by': null, 'app.kubernetes.io/instance': null } } },
      never,
    );
});

describe('objects of others', () => {
  it('in the way are all named, nobody is told to delete one, and Ready is there', async () => {
    const taken = ['other-webapp', 'other-nodes'];
    for (const name of taken)
      await client.create(
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name, namespace },
          spec: { ports: [{ port: 80 }] },
        },
        { fieldManager: 'helm' },
        never,
      );
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'other-keys', namespace } };
    await client.create(secret, { fieldManager: 'helm' }, never);
    await client.create(stackOf('other', { phoneNumber: '+16315550802' }), { fieldManager: 'test' }, never);
    await eventually(async () => (await condition('WorkloadsReady', 'other'))?.reason === 'NotControlled');
    const all = await conditions('other');
    const text = (type: string) => all.find((one) => one.type === type)?.message ?? '';
    for (const name of taken) expect(text('WorkloadsReady')).toContain(`Service ${name} exists`);
    expect(text('DatabaseReady')).toContain('Secret other-keys exists');
    expect(all.find(({ type }) => type === 'Ready')?.status).toBe('False');
    expect(all.filter(({ message }) => /delete/.test(message))).toEqual([]);
    await client.delete(WhatsAppDeploymentKind, namespace, 'other', {}, never);
  });
});

describe('a field that another controller insists on', () => {
  it('is left to it and named with its manager, and all others are still repaired', async () => {
    const nodes = () => client.get<KubeObject>(kinds.Service, namespace, 'shop-nodes', never);
    const label = 'app.kubernetes.io/component';
    const insist = (value: string) =>
      client.mergePatch(
        kinds.Service,
        { namespace, name: 'shop-nodes', fieldManager: 'rival' },
        { metadata: { labels: { [label]: value } } },
        never,
      );
    const isOurs = async () => (await nodes()).metadata.labels?.[label] === 'coreapp';
    for (let round = 0; round < 5; round++) {
      await insist(`theirs-${round}`);
      await eventually(isOurs, 10_000);
    }
    await insist('theirs');
    await eventually(async () =>
      /Service shop-nodes: metadata.labels.*component changed by rival/.test(
        (await condition('WorkloadsReady'))?.message ?? '',
      ),
    );
    await client.mergePatch(
      kinds.Service,
      { namespace, name: 'shop-nodes' },
      { spec: { selector: { foo: 'bar' } } },
      never,
    );
    await eventually(async () => !('foo' in ((await nodes()).spec as { selector: object }).selector), 20_000);
    expect(await isOurs()).toBe(false);
    await insist('coreapp');
    await eventually(async () => (await condition('WorkloadsReady'))?.reason !== 'Contested');
  });
});

describe('the table of merge types', () => {
  it('says what the OpenAPI document of the API server says', async () => {
    const wrong: string[] = [];
    for (const version of new Set(BUILT_IN.map(({ apiVersion }) => apiVersion))) {
      const path = `/openapi/v3/${version.includes('/') ? 'apis' : 'api'}/${version}`;
      const text = await client.transport.text({ method: 'GET', path }, never);
      const { components } = JSON.parse(text) as { components: { schemas: Record<string, Schema> } };
      const reached = new Set<string>();
      const visit = (name: string) => {
        if (reached.has(name)) return;
        reached.add(name);
        for (const [field, property] of Object.entries(components.schemas[name]?.properties ?? {})) {
          const target = refOf(property) ?? refOf(property.items ?? {});
          if (target) visit(target);
          if (/Status|Lifecycle$/.test(name) || field === 'status') continue;
          const keys = property['x-kubernetes-list-map-keys'];
          const known = LIST_KEYS[field]?.map((one) => one.join());
          if (keys && !known?.includes(keys.join()) && !UNUSED.has(field))
            wrong.push(`${name}.${field}: list by ${keys}`);
          const schema = target === undefined ? property : components.schemas[target];
          const isAtomic =
            property.type !== 'array' &&
            (property['x-kubernetes-map-type'] ?? schema?.['x-kubernetes-map-type']) === 'atomic';
          if (isAtomic !== isAtomicMap(field) && property.type !== 'array' && !UNUSED.has(field))
            wrong.push(`${name}.${field}: atomic is ${isAtomic}`);
        }
      };
      for (const name of Object.keys(components.schemas))
        if (BUILT_IN.some(({ kind }) => name.endsWith(`.${kind}`))) visit(name);
    }
    expect(wrong).toEqual([]);
  });

  interface Schema {
    readonly type?: string;
    readonly properties?: Readonly<Record<string, Schema>>;
    readonly items?: Schema;
    readonly $ref?: string;
    readonly allOf?: readonly Schema[];
    readonly 'x-kubernetes-list-map-keys'?: readonly string[];
    readonly 'x-kubernetes-map-type'?: string;
  }
  const refOf = ({ $ref, allOf }: Schema): string | undefined =>
    ($ref ?? allOf?.[0]?.$ref)?.replace('#/components/schemas/', '');
  /** Atomic in a volume and not in `envFrom`; no child has one in a volume. */
  const UNUSED = new Set(['secretRef']);
});
