import { randomUUID } from 'node:crypto';
import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { canMount } from '../../src/local/processNode/mountNamespace.ts';
import { eventually } from '../support/eventually.ts';
import { startTestCluster, type TestCluster } from '../support/localCluster.ts';

const never = new AbortController().signal;
let cluster: TestCluster;

const apply = (object: KubeObject) =>
  cluster.controlPlane.client.apply(object, { fieldManager: 'test', force: true }, never);
const meta = (name: string) => ({ name, namespace: 'default' });
const jsonpath = (...args: string[]) => cluster.kubectl('get', ...args);

/** Answers with its name, environment and files; port 80 needs root or the translation of low ports. */
const SERVER = `
  const fs = require('node:fs');
  require('node:http').createServer((request, response) => {
    if (request.url === '/exit') process.exit(3);
    response.end(JSON.stringify({ pod: process.env.HOSTNAME, secret: process.env.SECRET, file: fs.readFileSync(process.env.FILE, 'utf8'), token: fs.existsSync(process.env.TOKEN) }));
  }).listen(80, () => console.log('listening as ' + process.env.HOSTNAME));
  process.on('SIGTERM', () => setTimeout(() => process.exit(0), 50));
`;

const ask = (host: string, path = '/', port = process.getuid?.() === 0 ? 80 : 20_080) =>
  new Promise<Record<string, unknown>>((resolve, reject) => {
    get({ host, port, path, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve(JSON.parse(body) as Record<string, unknown>));
    }).on('error', reject);
  });

describe.each(canMount() ? (['namespace', 'rewrite'] as const) : (['rewrite'] as const))(
  'the process node by %s',
  (mountMode) => {
    beforeAll(async () => {
      cluster = await startTestCluster({ node: { entrypoint: [process.execPath] } }, {}, mountMode);
    });
    afterAll(() => cluster.close());

    it('runs a Deployment behind a Service, with variables, Secrets, volumes, tokens and probes', async () => {
      await apply({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: meta('web'),
        spec: {
          replicas: 2,
          selector: { matchLabels: { app: 'web' } },
          template: {
            metadata: { labels: { app: 'web' } },
            spec: {
              containers: [
                {
                  name: 'web',
                  image: 'docker.io/library/node:24',
                  args: ['-e', SERVER],
                  ports: [{ name: 'http', containerPort: 80 }],
                  env: [
                    { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'later', key: 'value' } } },
                    { name: 'FILE', value: '/etc/settings/colour' },
                    { name: 'TOKEN', value: '/var/run/secrets/kubernetes.io/serviceaccount/token' },
                  ],
                  volumeMounts: [{ name: 'settings', mountPath: '/etc/settings' }],
                  readinessProbe: { httpGet: { port: 'http' }, periodSeconds: 1 },
                },
              ],
              volumes: [{ name: 'settings', configMap: { name: 'settings' } }],
            },
          },
        },
      });
      await apply({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: meta('web'),
        spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
      });
      await apply({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: meta('settings'),
        data: { colour: 'red' },
      });
      await eventually(async () =>
        (
          await jsonpath(
            'pods',
            '-l',
            'app=web',
            '-o',
            'jsonpath={.items[*].status.containerStatuses[0].state.waiting.reason}',
          )
        ).includes('CreateContainerConfigError'),
      );
      await apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: meta('later'),
        stringData: { value: 's3cret' },
      });
      await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');

      const address = await jsonpath('service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
      const answers = await eventually(async () => {
        const both = await Promise.all([ask(address), ask(address), ask(address), ask(address)]);
        return new Set(both.map(({ pod }) => pod)).size === 2 ? both : undefined;
      });
      expect(answers[0]).toMatchObject({ secret: 's3cret', file: 'red', token: true });
    });

    it('shows logs through kubectl', async () => {
      const pod = (await jsonpath('pods', '-l', 'app=web', '-o', 'name')).split('\n')[0] ?? '';
      expect(await cluster.kubectl('logs', pod)).toBe(`listening as ${pod.replace('pod/', '')}\n`);
      await expect(cluster.kubectl('logs', pod, '-c', 'none')).rejects.toThrow(/container none is not valid/);
    });

    it('restarts a container that exits, and counts the restart', async () => {
      const pod = (
        await jsonpath('pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].metadata.name}')
      ).trim();
      const address = await jsonpath('pod', pod, '-o', 'jsonpath={.status.podIP}');
      await ask(address, '/exit').catch(() => {});
      await eventually(
        async () =>
          (await jsonpath('pod', pod, '-o', 'jsonpath={.status.containerStatuses[0].restartCount}')) === '1',
      );
      await cluster.kubectl('wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=30s');
      expect(
        await jsonpath(
          'pod',
          pod,
          '-o',
          'jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}',
        ),
      ).toBe('3');
    });

    it('reports itself and its pods ready again after controllers took them for lost, as when the machine slept', async () => {
      const { client } = cluster.controlPlane;
      const lost = { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' };
      const pod = (
        await jsonpath('pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].metadata.name}')
      ).trim();
      const conditions = (conditions: object[]) => ({ status: { conditions } });
      const of = { namespace: 'default', name: pod, subresource: 'status' } as const;
      await client.mergePatch(kinds.Pod, of, conditions([{ ...lost, status: 'False' }]), never);
      const node = { name: 'local', subresource: 'status' } as const;
      await client.mergePatch(kinds.Node, node, conditions([lost]), never);
      await cluster.kubectl('wait', '--for=condition=Ready', `pod/${pod}`, 'node/local', '--timeout=45s');
      await eventually(
        async () =>
          !(await jsonpath('node', 'local', '-o', 'jsonpath={.spec.taints}')).includes('unreachable'),
      );
    });

    it('stops processes on deletion, within their grace period', async () => {
      const pod = (
        await jsonpath('pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].metadata.name}')
      ).trim();
      const address = await jsonpath('pod', pod, '-o', 'jsonpath={.status.podIP}');
      await cluster.kubectl('delete', 'pod', pod, '--wait=true', '--timeout=30s');
      await expect(ask(address)).rejects.toThrow(/ECONNREFUSED/);
      await cluster.kubectl(
        'delete',
        'deployment',
        'web',
        '--wait=true',
        '--cascade=foreground',
        '--timeout=60s',
      );
    });

    it('runs a Job once: init container first, failures retried by its policy', async () => {
      const marker = `/tmp/waba-test-${randomUUID()}`;
      await apply({
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: meta('once'),
        spec: {
          backoffLimit: 3,
          template: {
            spec: {
              restartPolicy: 'OnFailure',
              initContainers: [
                {
                  name: 'first',
                  image: 'node',
                  args: ['-e', `require('node:fs').writeFileSync('${marker}', '0')`],
                },
                // Ends with the Job although it would run for ever.
                {
                  name: 'beside',
                  image: 'node',
                  restartPolicy: 'Always',
                  args: ['-e', 'setInterval(() => {}, 1000)'],
                },
              ],
              containers: [
                {
                  name: 'main',
                  image: 'node',
                  args: [
                    '-e',
                    `const fs = require('node:fs'); const runs = Number(fs.readFileSync('${marker}')); fs.writeFileSync('${marker}', String(runs + 1)); process.exit(runs === 0 ? 1 : 0)`,
                  ],
                },
              ],
            },
          },
        },
      });
      await cluster.kubectl('wait', '--for=condition=complete', 'job/once', '--timeout=60s');
      expect(
        await jsonpath(
          'pods',
          '-l',
          'job-name=once',
          '-o',
          'jsonpath={.items[0].status.containerStatuses[0].restartCount}',
        ),
      ).toBe('1');
    });

    it('keeps the data of a StatefulSet when its pod is deleted or the node restarts, and frees it with the claim', async () => {
      const program = `
      const fs = require('node:fs'); const file = process.env.DATA + '/starts';
      fs.appendFileSync(file, 'x'); console.log(fs.readFileSync(file, 'utf8').length); setInterval(() => {}, 1000);
    `;
      await apply({
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata: meta('db'),
        spec: {
          serviceName: 'db',
          replicas: 1,
          selector: { matchLabels: { app: 'db' } },
          template: {
            metadata: { labels: { app: 'db' } },
            spec: {
              terminationGracePeriodSeconds: 1,
              containers: [
                {
                  name: 'db',
                  image: 'node',
                  args: ['-e', program],
                  env: [{ name: 'DATA', value: '/data' }],
                  volumeMounts: [{ name: 'data', mountPath: '/data' }],
                },
              ],
            },
          },
          volumeClaimTemplates: [
            {
              metadata: { name: 'data' },
              spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '64Mi' } } },
            },
          ],
        },
      });
      const starts = async () => (await cluster.kubectl('logs', 'db-0')).trim().split('\n').at(-1);
      await eventually(async () => (await starts()) === '1');
      await cluster.kubectl('delete', 'pod', 'db-0', '--wait=true', '--timeout=30s');
      await eventually(async () => (await starts()) === '2');
      await cluster.restartNode();
      await eventually(async () => (await starts()) === '3');
      await cluster.kubectl(
        'delete',
        'statefulset',
        'db',
        '--cascade=foreground',
        '--wait=true',
        '--timeout=30s',
      );
      await cluster.kubectl('delete', 'pvc', 'data-db-0', '--timeout=30s');
      await eventually(
        async () =>
          (await cluster.controlPlane.client.list(kinds.PersistentVolume, {}, never)).items.length === 0,
      );
    });
  },
);
