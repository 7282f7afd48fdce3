import { rename, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../../base/logger.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { keyOf } from '../../engine/kube/kubeObject.ts';
import type { Pod } from './podTypes.ts';

export interface Service extends KubeObject {
  readonly spec?: {
    readonly clusterIP?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly {
      readonly name?: string;
      readonly port: number;
      readonly targetPort?: number | string;
      readonly protocol?: string;
    }[];
    readonly publishNotReadyAddresses?: boolean;
  };
}

export interface Backend {
  readonly pod: Pod;
  readonly podIP: string;
  readonly ready: boolean;
}

export interface ServiceProxyOptions {
  readonly hostsFile: string;
  readonly translatePort: (port: number) => number;
  readonly logger: Logger;
}

const DOMAIN = 'cluster.local';

/** A copy of the hosts file, which pods mount as /etc/hosts. It is written in place, because a mount keeps its file. */
export const etcHosts = (hostsFile: string): string => `${hostsFile}.etc`;

/** The DNS names of pods and Services, as lines of a hosts file. */
function hostsFile(services: readonly Service[], backends: readonly Backend[]): string {
  const lines = services.flatMap((service) => {
    const { name, namespace = '' } = service.metadata;
    const names = (host: string) => [
      host,
      `${host}.${namespace}`,
      `${host}.${namespace}.svc`,
      `${host}.${namespace}.svc.${DOMAIN}`,
    ];
    const { clusterIP, publishNotReadyAddresses } = service.spec ?? {};
    if (clusterIP && clusterIP !== 'None') return [`${clusterIP} ${names(name).join(' ')}`];
    const members = backendsOf(service, backends).filter(({ ready }) => ready || publishNotReadyAddresses);
    return [
      ...members.slice(0, 1).map(({ podIP }) => `${podIP} ${names(name).join(' ')}`),
      ...members
        .filter(({ pod }) => pod.spec.subdomain === name)
        .map(
          ({ pod, podIP }) =>
            `${podIP} ${names(`${pod.spec.hostname ?? pod.metadata.name}.${name}`).join(' ')}`,
        ),
    ];
  });
  return `127.0.0.1 localhost\n${lines.join('\n')}\n`;
}

function backendsOf(service: Service, backends: readonly Backend[]): Backend[] {
  const selector = Object.entries(service.spec?.selector ?? {});
  if (selector.length === 0) return [];
  return backends.filter(
    ({ pod }) =>
      pod.metadata.namespace === service.metadata.namespace &&
      selector.every(([name, value]) => pod.metadata.labels?.[name] === value),
  );
}

interface Listener {
  readonly server: Server;
  readonly sockets: Set<Socket>;
}

/** Listens at each ClusterIP and passes connections to the ready pods in turn. */
export class ServiceProxy {
  readonly #options: ServiceProxyOptions;
  readonly #listeners = new Map<string, Listener>();
  readonly #turns = new Map<string, number>();
  #services = new Map<string, Service>();
  #backends: readonly Backend[] = [];
  #written = '';

  constructor(options: ServiceProxyOptions) {
    this.#options = options;
  }

  async update(services: readonly Service[], backends: readonly Backend[]): Promise<void> {
    this.#services = new Map(services.map((service) => [keyOf(service), service]));
    this.#backends = backends;
    const wanted = new Map<string, { key: string; clusterIP: string; port: number }>(
      services.flatMap((service) => {
        const { clusterIP, ports = [], selector } = service.spec ?? {};
        if (!clusterIP || clusterIP === 'None' || !selector) return [];
        return ports.map(
          ({ port }) => [`${clusterIP}:${port}`, { key: keyOf(service), clusterIP, port }] as const,
        );
      }),
    );
    for (const [address, listener] of this.#listeners)
      if (!wanted.has(address)) this.#close(address, listener);
    for (const [address, target] of wanted) if (!this.#listeners.has(address)) this.#listen(address, target);
    await this.#writeHosts(hostsFile(services, backends));
  }

  close(): void {
    for (const [address, listener] of this.#listeners) this.#close(address, listener);
  }

  #close(address: string, { server, sockets }: Listener): void {
    this.#listeners.delete(address);
    server.close();
    for (const socket of sockets) socket.destroy();
  }

  #listen(address: string, target: { key: string; clusterIP: string; port: number }): void {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      this.#connect(socket, target);
    });
    server.on('error', (error) =>
      this.#options.logger.error('service address not served', { address, error }),
    );
    server.listen({ host: target.clusterIP, port: this.#options.translatePort(target.port) });
    this.#listeners.set(address, { server, sockets });
  }

  #connect(client: Socket, { key, port }: { key: string; port: number }): void {
    client.on('error', () => {});
    const service = this.#services.get(key);
    const ready = service ? backendsOf(service, this.#backends).filter((backend) => backend.ready) : [];
    const turn = this.#turns.get(key) ?? 0;
    this.#turns.set(key, turn + 1);
    const backend = ready[turn % Math.max(1, ready.length)];
    const targetPort = service?.spec?.ports?.find((candidate) => candidate.port === port)?.targetPort ?? port;
    if (!backend) return void client.destroy();
    const upstream = createConnection({
      host: backend.podIP,
      port: this.#options.translatePort(portOf(backend.pod, targetPort)),
    });
    upstream.on('error', () => client.destroy());
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
    client.pipe(upstream).pipe(client);
  }

  async #writeHosts(content: string): Promise<void> {
    if (content === this.#written) return;
    this.#written = content;
    const draft = `${this.#options.hostsFile}.new`;
    await writeFile(draft, content);
    await rename(draft, this.#options.hostsFile);
    await writeFile(etcHosts(this.#options.hostsFile), content);
  }
}

function portOf(pod: Pod, port: number | string): number {
  if (typeof port === 'number') return port;
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
  return ports.find(({ name }) => name === port)?.containerPort ?? 0;
}
