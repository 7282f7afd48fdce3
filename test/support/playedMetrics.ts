import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds, registerKind } from '../../src/engine/kube/kubeObject.ts';
import { never } from './cluster.ts';
import { eventually } from './eventually.ts';
import { type HttpsServer, startHttpsServer } from './httpsServer.ts';

const ApiService = registerKind({
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  plural: 'apiservices',
  namespaced: false,
});

const RESOURCE = { group: 'metrics.k8s.io', version: 'v1beta1' };
const CUSTOM = { group: 'custom.metrics.k8s.io', version: 'v1beta2' };
const WINDOW_SECONDS = 10;

/** Plays metrics-server and a metrics adapter behind the aggregation layer of the API server: every Webapp is as busy as a test says. */
export class PlayedMetrics {
  /** Of the container webapp of every Webapp. */
  cpuMillis = 0;
  /** Of the WhatsAppDeployment; undefined for an adapter that does not know the metric. */
  requestsPerSecond: number | undefined;
  readonly #client: KubeClient;
  readonly #server: HttpsServer;

  private constructor(client: KubeClient, server: HttpsServer) {
    this.#client = client;
    this.#server = server;
  }

  static async start(client: KubeClient, namespace: string): Promise<PlayedMetrics> {
    let played: PlayedMetrics | undefined;
    const server = await startHttpsServer((request, response) => {
      void (played?.answer(request.url ?? '') ?? Promise.resolve(undefined)).then((body) => {
        response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify(body ?? { kind: 'Status', apiVersion: 'v1', code: 404, reason: 'NotFound' }),
        );
      });
    });
    played = new PlayedMetrics(client, server);
    const port = Number(new URL(server.url).port);
    const service: KubeObject = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'metrics', namespace },
      // A Service with addresses would need EndpointSlices, which refuse loopback.
      spec: { type: 'ExternalName', externalName: 'localhost' },
    };
    await client.create(service, { fieldManager: 'test' }, never);
    for (const { group, version } of [RESOURCE, CUSTOM]) {
      const name = `${version}.${group}`;
      const spec = {
        group,
        version,
        service: { name: 'metrics', namespace, port },
        insecureSkipTLSVerify: true,
        groupPriorityMinimum: 100,
        versionPriority: 100,
      };
      const { apiVersion, kind } = ApiService;
      await client.create({ apiVersion, kind, metadata: { name }, spec }, { fieldManager: 'test' }, never);
      await eventually(async () => {
        const { status } = await client.get<KubeObject & { status?: { conditions?: { status: string }[] } }>(
          ApiService,
          undefined,
          name,
          never,
        );
        return status?.conditions?.some((condition) => condition.status === 'True');
      }, 30_000);
    }
    return played;
  }

  async close(): Promise<void> {
    for (const { group, version } of [RESOURCE, CUSTOM])
      await this.#client.delete(ApiService, undefined, `${version}.${group}`, {}, never);
    await this.#server.close();
  }

  async answer(url: string): Promise<object | undefined> {
    const { pathname, searchParams } = new URL(url, 'https://metrics');
    const [, , group, version, , namespace = '', ...rest] = pathname.split('/');
    if (group === RESOURCE.group && rest[0] === 'pods') {
      const labelSelector = searchParams.get('labelSelector') ?? '';
      const { items } = await this.#client.list(kinds.Pod, { namespace, labelSelector }, never);
      return {
        kind: 'PodMetricsList',
        apiVersion: `${RESOURCE.group}/${RESOURCE.version}`,
        metadata: {},
        items: items.map(({ metadata }) => ({
          metadata: { name: metadata.name, namespace },
          timestamp: new Date(Date.now() + WINDOW_SECONDS * 1_000).toISOString(),
          window: `${WINDOW_SECONDS}s`,
          containers: [{ name: 'webapp', usage: { cpu: `${this.cpuMillis}m`, memory: '64Mi' } }],
        })),
      };
    }
    const [resource, name, metric] = rest;
    if (group === CUSTOM.group && metric !== undefined)
      return this.requestsPerSecond === undefined
        ? undefined
        : {
            kind: 'MetricValueList',
            apiVersion: `${CUSTOM.group}/${CUSTOM.version}`,
            metadata: {},
            items: [
              {
                describedObject: { kind: 'WhatsAppDeployment', namespace, name, resource },
                metric: { name: metric },
                timestamp: new Date().toISOString(),
                value: String(this.requestsPerSecond),
              },
            ],
          };
    if (group === undefined) return {};
    return {
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion: `${group}/${version}`,
      resources: group === RESOURCE.group ? [POD_METRICS] : [],
    };
  }
}

const POD_METRICS = {
  name: 'pods',
  singularName: '',
  namespaced: true,
  kind: 'PodMetrics',
  verbs: ['get', 'list'],
};
