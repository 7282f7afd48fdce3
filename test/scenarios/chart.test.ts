import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { kinds } from '../../src/engine/kube/kubeObject.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';

const never = new AbortController().signal;
const CHART = 'charts/waba-operator';
const NAMESPACE = 'waba-operator-system';
const started = new Date();

let cluster: OperatorCluster;

beforeAll(async () => {
  cluster = await OperatorCluster.start();
});
afterAll(async () => cluster?.close());

const helm = async (...args: string[]) =>
  (await promisify(execFile)('helm', ['--kubeconfig', cluster.cluster.controlPlane.kubeconfigPath, ...args]))
    .stdout;
const onlyDefault = ['--set', 'watch.scope=Namespaces,watch.namespaces={default}'];
const podsOf = async (namespace: string, labelSelector: string) =>
  (await cluster.client.list<KubeObject>(kinds.Pod, { namespace, labelSelector }, never)).items.map(
    ({ metadata }) => `${metadata.name} ${metadata.uid}`,
  );
const logOf = (namespace: string, deployment: string) =>
  cluster.kubectl('-n', namespace, 'logs', `deploy/${deployment}`, '--tail=-1');

describe('an operator that the chart installed for one namespace', () => {
  it('brings a stack to Ready without a ClusterRole, and is never denied a request', async () => {
    await helm(
      'install',
      'waba-operator',
      CHART,
      '-n',
      NAMESPACE,
      '--create-namespace',
      '--wait',
      ...onlyDefault,
    );
    await cluster.applyFile('examples/minimal.yaml');
    await cluster.ready('shop');
    expect(await cluster.kubectl('get', 'clusterrole,clusterrolebinding', '-o', 'name')).not.toContain(
      'waba',
    );
    expect(await cluster.denied(started)).toEqual([]);
  });

  it('ignores other namespaces', async () => {
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' } });
    await cluster.kubectl('apply', '-n', 'elsewhere', '-f', 'examples/minimal.yaml');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await cluster.kubectl('get', '-n', 'elsewhere', 'wad', 'shop', '-o', 'jsonpath={.status}')).toBe(
      '',
    );
  });

  it('is upgraded by Helm without restarting any pod of the stack', async () => {
    const before = await podsOf('default', 'app.kubernetes.io/instance=shop');
    const changed = ['--set', 'log.level=debug,maxRollingStacks=3'];
    await helm('upgrade', 'waba-operator', CHART, '-n', NAMESPACE, '--wait', ...onlyDefault, ...changed);
    await eventually(async () => (await logOf(NAMESPACE, 'waba-operator')).includes('controllers started'));
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await cluster.ready('shop');
    expect(await podsOf('default', 'app.kubernetes.io/instance=shop')).toEqual(before);
  });

  it('keeps a second operator out of its namespace until it is gone itself', async () => {
    await helm(
      ...['install', 'other', CHART, '-n', 'other-system', '--create-namespace', '--wait', ...onlyDefault],
      ...['--set', 'crds.enabled=false'],
    );
    const waits = `${NAMESPACE}/waba-operator works in namespace default; this operator waits until it stops`;
    await eventually(async () => (await logOf('other-system', 'other-waba-operator')).includes(waits));
    await eventually(async () =>
      (await cluster.kubectl('get', 'events', '-o', 'json')).includes('"AnotherOperator"'),
    );
    expect((await cluster.ready('shop')).status?.phase).toBe('Ready');

    await cluster.kubectl('-n', NAMESPACE, 'scale', 'deploy/waba-operator', '--replicas=0');
    await cluster.spec('shop', { nodes: { webapp: { replicas: 1 } } });
    await eventually(async () => (await cluster.stack('shop')).status?.summary?.webapps === '1/1', 120_000);
    await cluster.ready('shop');
  });

  it('leaves nothing behind when the last stack and the operator are gone', async () => {
    await cluster.spec('shop', { deletionPolicy: 'Delete' });
    await cluster.kubectl('delete', 'wad', 'shop', '--timeout=60s');
    await eventually(async () => (await cluster.kubectl('get', 'leases', '-o', 'name')) === '');
    await helm('uninstall', 'waba-operator', '-n', NAMESPACE, '--wait');
    await helm('uninstall', 'other', '-n', 'other-system', '--wait');
    await eventually(
      async () =>
        (await cluster.kubectl('get', 'all,lease,role,rolebinding', '-n', 'other-system', '-o', 'name')) ===
        '',
    );
  });
});

describe('an operator for all namespaces', () => {
  it('names the command that enables a namespace, and works there as soon as it has run', async () => {
    await helm(
      'install',
      'waba-operator',
      CHART,
      '-n',
      NAMESPACE,
      '--wait',
      '--set',
      'watch.namespaces={default}',
    );
    await eventually(async () => {
      const { items } = JSON.parse(await cluster.kubectl('get', '-n', 'elsewhere', 'wad', '-o', 'json')) as {
        items: { status?: { conditions?: { type: string; message: string }[] } }[];
      };
      const condition = items[0]?.status?.conditions?.find(({ type }) => type === 'SpecValid');
      return condition?.message.includes('run: kubectl waba namespace enable elsewhere');
    });
    const waba = async (...args: string[]) =>
      (
        await promisify(execFile)(process.execPath, [
          'dist/kubectl-waba.js',
          ...args,
          '--kubeconfig',
          cluster.cluster.controlPlane.kubeconfigPath,
        ])
      ).stdout;
    expect(await waba('namespace', 'enable', 'elsewhere')).toContain('may run stacks in namespace elsewhere');
    expect((await waba('namespace', 'list')).trim().split('\n').sort()).toEqual(['default', 'elsewhere']);
    await cluster.kubectl('-n', 'elsewhere', 'wait', '--for=condition=Ready', 'wad/shop', '--timeout=90s');
    expect(await waba('namespace', 'disable', 'elsewhere')).toContain('it no longer manages shop there');
    const missing = await waba('namespace', 'enable', 'nowhere').catch(
      (error: { stderr: string }) => error.stderr,
    );
    expect(missing).toContain('kubectl create namespace nowhere');
  });
});
