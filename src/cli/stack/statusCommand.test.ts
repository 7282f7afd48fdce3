import { beforeEach, describe, expect, it } from 'vitest';
import { runWaba } from '../../../test/support/cliRun.ts';
import { FakeCluster } from '../../../test/support/fakeCluster.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { ApiError } from '../../engine/kube/apiError.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';

const SHOP = '/apis/waba-operator.dev/v1alpha1/namespaces/default/whatsappdeployments/shop';

const ready = (status: string, generation = 1) => ({
  conditions: [
    {
      type: 'Ready',
      status,
      reason: 'NodesNotReady',
      message: 'one Coreapp is not ready',
      observedGeneration: generation,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ],
});

let cluster: FakeCluster;
const waba = (...args: string[]) => runWaba(args, { cluster });
const shop = () => cluster.find(SHOP) as WhatsAppDeployment;
beforeEach(() => {
  const shopMetadata = { name: 'shop', namespace: 'default', generation: 1, labels: { tier: 'prod' } };
  const soldMetadata = { name: 'sold', namespace: 'sales', generation: 1 };
  cluster = new FakeCluster(
    whatsAppDeployment({ metadata: shopMetadata, status: ready('True') }),
    whatsAppDeployment({ metadata: soldMetadata, status: ready('False') }),
  );
});

describe('kubectl waba status', () => {
  it('prints one object for one name, and a list without one', async () => {
    expect(JSON.parse((await waba('status', 'shop', '-o', 'json')).stdout)).toMatchObject({ name: 'shop' });
    expect(JSON.parse((await waba('status', '-o', 'json')).stdout)).toMatchObject([{ name: 'shop' }]);
    expect((await waba('status', 'shop', '-o', 'yaml')).stdout).toMatch(/^name: shop\nnamespace: default\n/);
  });

  it('shows all namespaces, stacks with a label, names, and one line for each', async () => {
    const name = (stack: string) => `whatsappdeployment.waba-operator.dev/${stack}\n`;
    expect((await waba('status', '-A', '-o', 'name')).stdout).toBe(name('shop') + name('sold'));
    expect((await waba('status', '-A', '-l', 'tier=prod', '-o', 'name')).stdout).toBe(name('shop'));
    const wide = (await waba('status', '-A', '-o', 'wide')).stdout.split('\n');
    expect(wide[0]).toMatch(/^NAMESPACE +NAME +NUMBER +STATE/);
    expect(wide[2]).toMatch(/^sales +sold +\+16315551000/);
  });

  it('shows with -v what runs, with restarts, revisions and ages, and which right is missing', async () => {
    const of = (component: string) => ({
      'app.kubernetes.io/managed-by': 'waba-operator',
      'app.kubernetes.io/instance': 'shop',
      'app.kubernetes.io/component': component,
    });
    const creationTimestamp = new Date(Date.now() - 3 * 3_600_000).toISOString();
    cluster.put({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'shop-coreapp-0', namespace: 'default', labels: of('coreapp'), creationTimestamp },
      spec: { replicas: 1 },
      status: { readyReplicas: 1, updateRevision: 'shop-coreapp-0-new' },
    });
    cluster.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'shop-coreapp-0-0',
        namespace: 'default',
        labels: { ...of('coreapp'), 'controller-revision-hash': 'shop-coreapp-0-old' },
        creationTimestamp,
      },
      status: { phase: 'Running', containerStatuses: [{ name: 'coreapp', restartCount: 2 }] },
    });
    const { stdout } = await waba('status', 'shop', '-v');
    expect(stdout).toMatch(/├─ StatefulSet\/shop-coreapp-0 {2}1\/1 ready {2}3h\n/);
    expect(stdout).toMatch(/ Pod\/shop-coreapp-0-0 {2}Running {2}2 restarts {2}revision old \(old\) {2}3h\n/);
    expect((await waba('status', 'shop')).stdout).not.toContain('StatefulSet');
    cluster.onRequest = ({ path }) => {
      if (path.endsWith('/pods')) throw new ApiError(403, { reason: 'Forbidden', message: 'no' }, path);
    };
    expect((await waba('status', 'shop', '-v')).stdout).toContain(
      '└─ needs the right to list pods in namespace default\n',
    );
  });

  it('names the namespace of each stack with -A, and tells a new stack from an outdated status', async () => {
    const { stdout } = await waba('status', '-A');
    expect(stdout).toMatch(/^default\/shop {2}/);
    expect(stdout).toMatch(/\nsales\/sold {2}/);
    expect(stdout).not.toContain('older generation');
    cluster.put(whatsAppDeployment({ metadata: { generation: 2 }, status: { observedGeneration: 1 } }));
    expect((await waba('status', 'shop')).stdout).toContain('(status of an older generation)');
  });

  it('refuses a name beside -A and -l', async () => {
    for (const more of [['-A'], ['-l', 'tier=prod']])
      expect((await waba('status', 'shop', ...more)).code).toBe(2);
  });

  it('ends with 3 if a stack is not Ready, where that is asked', async () => {
    expect((await waba('status', 'shop', '--exit-code')).code).toBe(0);
    expect((await waba('status', '-A', '--exit-code')).code).toBe(3);
    expect((await waba('status', '-A')).code).toBe(0);
    cluster.put(whatsAppDeployment({ metadata: { generation: 2 }, status: ready('True') }));
    expect((await waba('status', 'shop', '--exit-code')).code).toBe(3);
  });
});

describe('kubectl waba wait', () => {
  it('takes the condition as kubectl does, and ends with 130 when it is interrupted', async () => {
    expect((await waba('wait', 'shop', '--for', 'condition=ready')).code).toBe(0);
    expect((await waba('wait', 'shop', '--for', 'condition=Rady')).code).toBe(2);
    const stop = new AbortController();
    const { code, stderr } = await runWaba(['wait', 'sold', '-n', 'sales'], {
      cluster,
      signal: stop.signal,
      onOutput: () => stop.abort(),
    });
    expect([code, stderr]).toEqual([130, 'NodesNotReady: one Coreapp is not ready\n']);
  });

  it('ends once the condition is True, and with 3 and the reason after its time', async () => {
    expect(await waba('wait', 'shop')).toEqual({ code: 0, stdout: 'shop is Ready\n', stderr: '' });
    const { code, stderr } = await waba('wait', 'sold', '-n', 'sales', '--timeout', '0s');
    expect(stderr).toBe('NodesNotReady: one Coreapp is not ready\ntimed out: sold is not Ready yet\n');
    expect(code).toBe(3);
  });
});

describe('kubectl waba events', () => {
  it('lists the events of the stack and of its pods, and no others', async () => {
    const pod = (name: string, instance: string) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'default',
        labels: {
          'app.kubernetes.io/managed-by': 'waba-operator',
          'app.kubernetes.io/instance': instance,
        },
      },
    });
    cluster.put(pod('shop-coreapp-0-0', 'shop'));
    cluster.put(pod('shop-eu-coreapp-0-0', 'shop-eu'));
    const event = (name: string, kind: string, object: string, lastTimestamp: string) =>
      cluster.put({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace: 'default' },
        type: 'Warning',
        reason: 'BackOff',
        message: `of ${object}`,
        lastTimestamp,
        involvedObject: { kind, name: object },
      });
    event('a', 'Pod', 'shop-coreapp-0-0', '2026-01-01T00:02:00Z');
    event('b', 'Pod', 'shop-eu-coreapp-0-0', '2026-01-01T00:01:00Z');
    event('c', 'WhatsAppDeployment', 'shop', '2026-01-01T00:00:00Z');
    const { stdout } = await waba('events', 'shop', '-o', 'json');
    expect((JSON.parse(stdout) as { message: string }[]).map(({ message }) => message)).toEqual([
      'of shop',
      'of shop-coreapp-0-0',
    ]);
    expect((await waba('status', 'shop')).stdout).toContain('BackOff  Pod/shop-coreapp-0-0');
  });
});

describe('kubectl waba restart', () => {
  it('changes the pod template of every role that there is, or of one', async () => {
    const changed = () => Object.keys(shop().spec.nodes ?? {});
    await waba('restart', 'shop', '--role', 'webapp', '--no-wait');
    expect(changed()).toEqual(['webapp']);
    const { stdout } = await waba('restart', 'shop', '--no-wait');
    expect(stdout).toContain('`kubectl waba status shop` shows the progress');
    expect(shop().spec.nodes?.coreapp?.podTemplate?.annotations).toHaveProperty([
      'kubectl.kubernetes.io/restartedAt',
    ]);
  });
});

describe('kubectl waba psql and mysql', () => {
  it('name the command for the engine, and the server that the operator does not run', async () => {
    const { code, stderr } = await waba('mysql', 'shop');
    expect(stderr).toContain('the database of shop is PostgreSQL: use `kubectl waba psql shop`');
    expect(code).toBe(2);
    expect((await waba('psql', 'shop')).stderr).toContain('the database of shop has no pod');
  });
});
