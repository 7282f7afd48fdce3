import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { Sources } from '../../engine/controller/sources.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import { keyOf, kinds } from '../../engine/kube/kubeObject.ts';
import type { ControlPlane } from '../controlPlane.ts';
import { lowPortOffset } from '../lowPorts.ts';
import {
  type Claim,
  ensureStorageClass,
  type PersistentVolume,
  provision,
  reclaim,
} from './claimProvisioner.ts';
import type { ImageTable } from './containerCommand.ts';
import { startLogServer } from './logServer.ts';
import { canMount } from './mountNamespace.ts';
import { HOST_IP, keepNode, NODE_NAME, registerNode } from './nodeRegistration.ts';
import { type MountMode, PodRunner, podFolder } from './podRunner.ts';
import type { Pod } from './podTypes.ts';
import { type Backend, etcHosts, type Service, ServiceProxy } from './serviceProxy.ts';

export interface NodeAgentOptions {
  readonly controlPlane: ControlPlane;
  readonly folder: string;
  /** First two bytes of pod addresses: `127.97`. */
  readonly podPrefix: string;
  readonly images: ImageTable;
  /** Bundle that gives Node.js processes the network of their pod. */
  readonly preload: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: mount namespaces if this machine allows them. */
  readonly mountMode?: MountMode;
  /** Environment of this process; containers get its PATH. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Changes that arrive within this time update the Services once. */
const SYNC_DELAY_MS = 20;

/** The only Node of the local cluster. It runs pods as processes on this machine. */
export class NodeAgent {
  readonly #options: NodeAgentOptions;
  readonly #runners = new Map<
    string,
    { runner: PodRunner; pod: Pod; podIP: string; stopping?: Promise<void> }
  >();
  readonly #proxy: ServiceProxy;
  readonly #hostsFile: string;
  readonly #mountMode: MountMode;
  readonly #lowPortOffset = lowPortOffset();
  readonly #stop = new AbortController();
  #services: Service[] = [];
  #nextAddress = 1;
  #proxyPending = false;
  #closers: (() => Promise<void>)[] = [];

  private constructor(options: NodeAgentOptions) {
    this.#options = options;
    this.#hostsFile = join(options.folder, 'hosts');
    this.#mountMode = options.mountMode ?? (canMount() ? 'namespace' : 'rewrite');
    this.#proxy = new ServiceProxy({
      hostsFile: this.#hostsFile,
      translatePort: (port) => this.#translate(port),
      logger: options.logger,
    });
  }

  static async start(options: NodeAgentOptions, signal: AbortSignal): Promise<NodeAgent> {
    const agent = new NodeAgent(options);
    await agent.#start(signal);
    return agent;
  }

  /** Stops the processes of all pods. The Pod objects stay, so the pods start again after a restart of the cluster. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('stopping'));
    await Promise.all(this.#closers.map((close) => close()));
    await Promise.all([...this.#runners.values()].map(({ runner }) => runner.stop(5_000)));
    this.#proxy.close();
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { controlPlane, folder, clock, logger } = this.#options;
    const { client } = controlPlane;
    await removeLeftovers(join(folder, 'pods'));
    await this.#proxy.update([], []);
    await ensureStorageClass(client, signal);
    const logServer = await startLogServer({
      pki: controlPlane.pki,
      host: HOST_IP,
      clock,
      find: (...where) => this.#findLog(...where),
    });
    this.#closers.push(logServer.close);

    const sources = new Sources({ client, namespaces: [], clock, random: Math.random, logger });
    const pods = sources.watch<Pod>({ kind: kinds.Pod });
    const services = sources.watch<Service>({ kind: kinds.Service });
    const claims = sources.watch<Claim>({ kind: kinds.PersistentVolumeClaim });
    const volumes = sources.watch<PersistentVolume>({ kind: kinds.PersistentVolume });
    pods.onChange(({ type, object }) => {
      this.#syncPod(type === 'Deleted' ? undefined : object, keyOf(object));
      this.#syncProxy();
    });
    services.onChange(() => {
      this.#services = services.cache.list();
      this.#syncProxy();
    });
    const attempt = (what: string, action: Promise<void>) =>
      void action.catch((error: unknown) => logger.warn(what, { error }));
    claims.onChange(({ type, object }) => {
      if (type !== 'Deleted')
        attempt('claim not provisioned', provision(client, object, folder, this.#stop.signal));
    });
    volumes.onChange(({ type, object }) => {
      if (type !== 'Deleted') attempt('volume not reclaimed', reclaim(client, object, this.#stop.signal));
    });
    const running = sources.run(this.#stop.signal);
    await sources.synced();
    await registerNode(client, logServer.port, clock, signal);
    const heartbeat = keepNode(client, logServer.port, this.#options, this.#stop.signal);
    this.#closers.push(async () => void (await Promise.all([running, heartbeat])));
  }

  #syncPod(pod: Pod | undefined, key: string): void {
    const entry = this.#runners.get(key);
    const { client } = this.#options.controlPlane;
    if (entry && (!pod || pod.metadata.uid !== entry.pod.metadata.uid || pod.metadata.deletionTimestamp)) {
      // A forced deletion removes the object at once, but the processes still have to end.
      const force = !pod || pod.metadata.uid !== entry.pod.metadata.uid;
      entry.stopping ??= this.#stopPod(key, entry.runner, entry.pod, force);
      return;
    }
    if (pod) entry?.runner.observe(pod);
    if (!pod || entry || pod.spec.nodeName !== NODE_NAME) return;
    if (pod.metadata.deletionTimestamp) {
      void this.#removePod(client, pod);
      return;
    }
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return;
    const podIP = this.#address();
    const runner = new PodRunner({
      client,
      pod,
      podIP,
      hostIP: HOST_IP,
      folder: podFolder(this.#options.folder, pod),
      images: this.#options.images,
      mountMode: this.#mountMode,
      hostsFile: etcHosts(this.#hostsFile),
      baseEnv: this.#baseEnv(pod, podIP),
      translatePort: (port) => this.#translate(port),
      clock: this.#options.clock,
      logger: this.#options.logger,
    });
    this.#runners.set(key, { runner, pod, podIP });
    this.#options.logger.info('pod started', { pod: key, podIP });
    this.#syncProxy();
  }

  async #stopPod(key: string, runner: PodRunner, pod: Pod, force: boolean): Promise<void> {
    this.#syncProxy();
    await runner.stop(force ? 0 : undefined);
    this.#runners.delete(key);
    this.#options.logger.info('pod stopped', { pod: key });
    await this.#removePod(this.#options.controlPlane.client, pod);
    this.#syncProxy();
    // A successor with the same name may be waiting.
    const { client } = this.#options.controlPlane;
    const { namespace, name } = pod.metadata;
    const next = await client.get<Pod>(kinds.Pod, namespace, name, this.#stop.signal).catch(() => undefined);
    if (next) this.#syncPod(next, key);
  }

  async #removePod(client: ControlPlane['client'], { metadata }: Pod): Promise<void> {
    const options = { uid: metadata.uid, gracePeriodSeconds: 0 };
    await client
      .delete(kinds.Pod, metadata.namespace, metadata.name, options, this.#stop.signal)
      .catch((error: unknown) => {
        if (!isNotFound(error) && !this.#stop.signal.aborted)
          this.#options.logger.debug('pod not removed', { error });
      });
  }

  #baseEnv(pod: Pod, podIP: string): Record<string, string> {
    const { controlPlane, preload, env } = this.#options;
    return {
      PATH: [dirname(process.execPath), env.PATH ?? '/usr/bin:/bin'].join(delimiter),
      HOME: '/tmp',
      HOSTNAME: pod.spec.hostname ?? pod.metadata.name,
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(controlPlane.port),
      NODE_OPTIONS: `--require ${preload}`,
      WABA_LOCAL_POD_IP: podIP,
      WABA_LOCAL_HOSTS: this.#hostsFile,
      WABA_LOCAL_LOW_PORT_OFFSET: String(this.#lowPortOffset),
    };
  }

  #translate(port: number): number {
    return port < 1024 ? port + this.#lowPortOffset : port;
  }

  #address(): string {
    const taken = new Set([...this.#runners.values()].map(({ podIP }) => podIP));
    for (;;) {
      const number = this.#nextAddress++ % 65_000;
      const address = `${this.#options.podPrefix}.${Math.floor(number / 250)}.${(number % 250) + 2}`;
      if (!taken.has(address)) return address;
    }
  }

  /** Runs on every pod event, because a change of readiness changes the status of the pod, which the watch reports. */
  #syncProxy(): void {
    if (this.#proxyPending) return;
    this.#proxyPending = true;
    this.#options.clock.after(SYNC_DELAY_MS, () => {
      this.#proxyPending = false;
      const backends: Backend[] = [...this.#runners.values()].map(({ runner, pod, podIP, stopping }) => ({
        pod,
        podIP,
        ready: !stopping && runner.ready,
      }));
      void this.#proxy
        .update(this.#services, backends)
        .catch((error: unknown) => this.#options.logger.error('services not updated', { error }));
    });
  }

  #findLog(namespace: string, pod: string, container: string, previous: boolean): string | undefined {
    const runner = this.#runners.get(`${namespace}/${pod}`)?.runner;
    const lives = Array.from({ length: 10_000 }, (_, restart) => restart);
    const last = runner && lives.find((restart) => !existsSync(runner.logPath(container, restart + 1)));
    return runner && last !== undefined ? runner.logPath(container, previous ? last - 1 : last) : undefined;
  }
}

/** Deletes the pod folders of an earlier run: after a crash all pods start anew. */
async function removeLeftovers(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
}
