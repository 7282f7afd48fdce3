import { beforeEach, describe, expect, it } from 'vitest';
import { runWaba } from '../../test/support/cliRun.ts';
import { FakeCluster } from '../../test/support/fakeCluster.ts';
import { whatsAppDeployment } from '../../test/support/whatsAppDeployment.ts';

const BINDING = '/apis/rbac.authorization.k8s.io/v1/namespaces/sales/rolebindings/waba-operator';

const operator = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name,
    namespace: 'system',
    labels: { 'app.kubernetes.io/name': 'waba-operator', 'app.kubernetes.io/component': 'operator' },
  },
  spec: { template: { spec: { serviceAccountName: `${name}-account` } } },
});

let cluster: FakeCluster;
const waba = (...args: string[]) => runWaba(['namespace', ...args], { cluster });
beforeEach(() => {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'sales' } };
  cluster = new FakeCluster(namespace, operator('waba-operator'));
});

describe('kubectl waba namespace', () => {
  it('binds the account of the operator in a namespace, lists the namespace, and removes the binding', async () => {
    const enabled = await waba('enable', 'sales');
    expect(enabled.stdout).toBe('operator system/waba-operator may run stacks in namespace sales\n');
    expect(cluster.find(BINDING)).toMatchObject({
      roleRef: { kind: 'ClusterRole', name: 'waba-operator-namespace' },
      subjects: [{ kind: 'ServiceAccount', name: 'waba-operator-account', namespace: 'system' }],
    });
    expect((await waba('list')).stdout).toBe('sales\n');

    cluster.put(whatsAppDeployment({ metadata: { namespace: 'sales' } }));
    expect((await waba('disable', 'sales')).stdout).toContain(
      'may no longer run stacks in namespace sales; it no longer manages shop there, whose pods keep running',
    );
    expect(() => cluster.find(BINDING)).toThrow('not found');
    expect((await waba('list')).stdout).toBe('');
  });

  it('refuses a namespace that does not exist, or is not enabled', async () => {
    const enable = await waba('enable', 'slaes');
    expect([enable.code, enable.stderr]).toEqual([
      1,
      'error: no namespace slaes; create it with `kubectl create namespace slaes`\n',
    ]);
    expect((await waba('disable', 'sales')).stderr).toContain('`kubectl waba namespace list` lists those');
  });

  it('asks which operator is meant if there are several', async () => {
    cluster.put(operator('second'));
    const { code, stderr } = await waba('enable', 'sales');
    expect(stderr).toContain('select one with --operator: system/waba-operator, system/second');
    expect(code).toBe(2);
    expect((await waba('enable', 'sales', '--operator', 'second')).stderr).toContain(
      '--operator must be namespace/name, not second',
    );
    expect((await waba('enable', 'sales', '--operator', 'system/second')).code).toBe(0);
    expect(cluster.find(BINDING.replace('waba-operator', 'second'))).toMatchObject({
      subjects: [{ name: 'second-account' }],
    });
  });
});
