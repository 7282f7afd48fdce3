import { execFile } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { FakeCluster } from '../../../../test/support/fakeCluster.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { systemClock } from '../../../base/clock.ts';
import { ApiError } from '../../../engine/kube/apiError.ts';
import { KubeClient } from '../../../engine/kube/client.ts';
import type { StackPod } from './facts.ts';
import type { Gatherer } from './gather.ts';
import { readConnections, readHosts, readVolumes } from './inPods.ts';
import { Mask } from './mask.ts';

const never = new AbortController().signal;
const READY = { conditions: [{ type: 'Ready', status: 'True' }] };
const pod = (component: string): StackPod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `shop-${component}-0`, labels: { 'app.kubernetes.io/component': component } },
  spec: {
    nodeName: 'n1',
    containers: [{ name: component, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: `shop-${component}` } }],
  },
  status: READY,
});
const pods = [pod('database'), pod('coreapp')];

const summary = {
  pods: [
    {
      volume: [
        { usedBytes: 5, capacityBytes: 10, pvcRef: { name: 'shop-database', namespace: 'default' } },
        { usedBytes: 9, capacityBytes: 10, pvcRef: { name: 'shop-database', namespace: 'other' } },
        { usedBytes: 1, capacityBytes: 10 },
      ],
    },
  ],
};

/** @param kubelet what the kubelet answers; undefined: the user may not ask it */
function gatherer(exec: Gatherer['exec'], kubelet?: object): Gatherer {
  const cluster = new FakeCluster();
  cluster.request = async ({ path }) => {
    if (kubelet && path === '/api/v1/nodes/n1/proxy/stats/summary') return kubelet;
    throw new ApiError(403, { reason: 'Forbidden', message: 'forbidden' }, path);
  };
  const reach = () => Promise.reject(new Error('not reached'));
  return {
    client: new KubeClient(cluster),
    namespace: 'default',
    clock: systemClock,
    mask: new Mask(),
    reach,
    exec,
  };
}
const printing =
  (text: string): Gatherer['exec'] =>
  () =>
    Promise.resolve(text);
const failing: Gatherer['exec'] = () => Promise.reject(new Error('exec is refused'));

describe('how full volumes are', () => {
  it('is told by the kubelets, for the claims of the stack alone', async () => {
    expect(await readVolumes(gatherer(failing, summary), pods, never)).toEqual([
      { claim: 'shop-database', usedBytes: 5, capacityBytes: 10 },
    ]);
  });

  it('is told by df in the pods where the kubelets may not be asked', async () => {
    const df = 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sdb 1000 800 200 80% /data\n';
    expect(await readVolumes(gatherer(printing(df)), pods, never)).toEqual([
      { claim: 'shop-database', usedBytes: 800 * 1024, capacityBytes: 1000 * 1024 },
      { claim: 'shop-coreapp', usedBytes: 800 * 1024, capacityBytes: 1000 * 1024 },
    ]);
  });

  it('is told by Node in a pod that has no df, as in our own image', async () => {
    const asked: string[] = [];
    const exec: Gatherer['exec'] = async (_, [program = '', flag = '', script = '']) => {
      asked.push(program);
      if (program === 'df') throw new Error('df: not found');
      const here = script.replace('"/data"', JSON.stringify(tmpdir()));
      return (await promisify(execFile)(process.execPath, [flag, here])).stdout;
    };
    const [volume] = await readVolumes(gatherer(exec), [pod('webapp')], never);
    const { bsize, blocks } = statfsSync(tmpdir());
    expect(asked).toEqual(['df', '/nodejs/bin/node']);
    expect(volume).toMatchObject({ claim: 'shop-webapp', capacityBytes: blocks * bsize });
    expect(volume?.usedBytes).toBeGreaterThan(0);
    expect(volume?.usedBytes).toBeLessThan(blocks * bsize);
  });

  it('is unknown, with both causes, where neither works', async () => {
    await expect(readVolumes(gatherer(failing), pods, never)).rejects.toThrow(
      'neither a kubelet (the right to get nodes/proxy is missing) nor df in a pod (exec is refused) tells it',
    );
    await expect(readVolumes(gatherer(printing('df: not found')), pods, never)).rejects.toThrow(
      'df: not found',
    );
  });
});

describe('the connections to the database', () => {
  it('are counted in the pod of the managed one, and nowhere else', async () => {
    const asked: string[][] = [];
    const exec: Gatherer['exec'] = async (target, command) => {
      asked.push([target.pod, target.container, ...command.slice(0, 2)]);
      return '42 300\n';
    };
    expect(await readConnections(gatherer(exec), whatsAppDeployment(), pods, never)).toEqual({
      used: 42,
      most: 300,
    });
    expect(asked).toEqual([['shop-database-0', 'database', 'sh', '-c']]);
    const external = { host: 'db.example.org', credentialsSecretRef: { name: 'db' } };
    const elsewhere = whatsAppDeployment({ spec: { database: { external } } });
    expect(await readConnections(gatherer(failing), elsewhere, pods, never)).toBeUndefined();
  });

  it('are unknown while no pod of it is ready, or if it prints something else', async () => {
    await expect(readConnections(gatherer(failing), whatsAppDeployment(), [], never)).rejects.toThrow(
      'no pod',
    );
    await expect(
      readConnections(gatherer(printing('psql: error')), whatsAppDeployment(), pods, never),
    ).rejects.toThrow('the database printed: psql: error');
  });
});

describe('the hosts of WhatsApp', () => {
  const vendor = whatsAppDeployment({
    spec: {
      stack: 'OnPremises',
      version: 'v2.57.1',
      images: { webapp: 'web:v2.57.1', coreapp: 'core:v2.57.1' },
      registration: { certificateSecretRef: { name: 'vname', key: 'certificate' } },
    },
  });

  it('are tried from a Coreapp of the vendor, and not for an emulator', async () => {
    const open = 'g.whatsapp.net 5222\nv.whatsapp.net 443\ngraph.facebook.com 443\n';
    const hosts = await readHosts(gatherer(printing(open)), vendor, pods, never);
    expect(hosts?.filter((each) => each.open.length === 0)).toEqual([{ host: 'mmg.whatsapp.net', open: [] }]);
    expect(await readHosts(gatherer(failing), whatsAppDeployment(), pods, never)).toBeUndefined();
  });

  it('are unknown if the image has no nc', async () => {
    await expect(readHosts(gatherer(printing('no-nc\n')), vendor, pods, never)).rejects.toThrow('has no nc');
  });
});
