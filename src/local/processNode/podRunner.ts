import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, sleep, withDeadline } from '../../base/clock.ts';
import { describeError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { kinds } from '../../engine/kube/kubeObject.ts';
import { type ContainerContext, containerCommand, type ImageTable } from './containerCommand.ts';
import { containerReferences } from './containerReferences.ts';
import { ContainerRunner } from './containerRunner.ts';
import { inMountNamespace } from './mountNamespace.ts';
import { podStatus } from './podStatus.ts';
import type { Container, Pod } from './podTypes.ts';
import { isRefreshed, materialise } from './volumes.ts';

export interface PodRunnerOptions {
  readonly client: KubeClient;
  readonly pod: Pod;
  readonly podIP: string;
  readonly hostIP: string;
  /** Folder of this pod: volumes and logs. */
  readonly folder: string;
  readonly images: ImageTable;
  /** How volumes appear at their mount paths. */
  readonly mountMode: MountMode;
  /** The file that pods in a mount namespace see as /etc/hosts. */
  readonly hostsFile: string;
  readonly baseEnv: Readonly<Record<string, string>>;
  readonly translatePort: (port: number) => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const STATUS_TIMEOUT_MS = 30_000;
const late = () => new Error('the API server does not answer');
const RETRY_MS = 1_000;
const REFRESH_MS = 60_000;
/** Changes within this time are written as one status. */
const STATUS_DELAY_MS = 20;

/** Runs one pod: mounts its volumes, runs its init containers one by one and then its containers beside its sidecars, and writes its status. */
export class PodRunner {
  readonly #options: PodRunnerOptions;
  readonly #stop = new AbortController();
  readonly #startTime: string;
  readonly #containers: ContainerRunner[];
  readonly #initContainers: ContainerRunner[];
  readonly #finished: Promise<void>;
  #mounts = new Map<string, string>();
  #initialised = false;
  #waitingFor = '';
  #statusPending = false;
  #statusSent = '';
  #writing: Promise<void> = Promise.resolve();

  constructor(options: PodRunnerOptions) {
    this.#options = options;
    const { spec } = options.pod;
    this.#startTime = new Date(options.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const restartPolicy = spec.restartPolicy ?? 'Always';
    this.#initContainers = (spec.initContainers ?? []).map((container) =>
      this.#runner(container, container.restartPolicy ?? (restartPolicy === 'Never' ? 'Never' : 'OnFailure')),
    );
    this.#containers = spec.containers.map((container) => this.#runner(container, restartPolicy));
    this.#finished = this.#run().catch((error: unknown) =>
      options.logger.error('pod failed', { pod: options.pod.metadata.name, error }),
    );
  }

  get ready(): boolean {
    return (
      !this.#stop.signal.aborted &&
      this.#containers.length > 0 &&
      this.#containers.every(({ ready }) => ready)
    );
  }

  /** Writes the status again if somebody else changed whether the pod is ready, as the controllers of nodes do. */
  observe({ status }: Pod): void {
    const live = status?.conditions?.find(({ type }) => type === 'Ready');
    if (!live || (live.status === 'True') === this.ready) return;
    this.#statusSent = '';
    this.#changed();
  }

  logPath(container: string, restart: number): string {
    return join(this.#options.folder, 'logs', container, `${restart}.log`);
  }

  /** Ends the processes within their grace period, then deletes the folder of the pod. */
  async stop(graceMs?: number): Promise<void> {
    const { pod, folder } = this.#options;
    const grace = graceMs ?? (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    this.#stop.abort(new Error('pod deleted'));
    await Promise.all([...this.#initContainers, ...this.#containers].map((runner) => runner.stop(grace)));
    await this.#finished;
    await this.#writing;
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    this.#changed();
    await this.#mount(signal);
    const sidecars: Promise<void>[] = [];
    for (const runner of this.#initContainers) {
      const running = runner.run();
      if (runner.isSidecar) {
        sidecars.push(running);
        await runner.started();
      } else await running;
      if (signal.aborted) return;
      if (!runner.isSidecar && runner.finalExitCode !== 0) return this.#endSidecars(sidecars);
    }
    this.#initialised = true;
    this.#changed();
    const refreshing = this.#refresh(signal);
    await Promise.all(this.#containers.map((runner) => runner.run()));
    await this.#endSidecars(sidecars);
    if (!signal.aborted) return;
    await refreshing;
  }

  /** After the containers, in the opposite order of their starts, as the kubelet does. */
  async #endSidecars(running: readonly Promise<void>[]): Promise<void> {
    const graceMs = (this.#options.pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    for (const runner of [...this.#initContainers].reverse())
      if (runner.isSidecar) await runner.stop(graceMs);
    await Promise.all(running);
    this.#changed();
  }

  async #mount(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const folders = new Map<string, string>();
        for (const volume of this.#options.pod.spec.volumes ?? [])
          folders.set(volume.name, await materialise(volume, this.#volumeContext(signal)));
        this.#waitingFor = '';
        this.#mounts = folders;
        return;
      } catch (error) {
        this.#waitingFor = describeError(error);
        this.#changed();
        await sleep(this.#options.clock, RETRY_MS, signal).catch(() => {});
      }
    }
  }

  /** Updates Secrets, ConfigMaps and tokens while the pod runs. */
  async #refresh(signal: AbortSignal): Promise<void> {
    const volumes = (this.#options.pod.spec.volumes ?? []).filter(isRefreshed);
    while (!signal.aborted && volumes.length > 0) {
      await sleep(this.#options.clock, REFRESH_MS, signal).catch(() => {});
      if (signal.aborted) return;
      for (const volume of volumes) {
        await materialise(volume, this.#volumeContext(signal)).catch((error: unknown) =>
          this.#options.logger.debug('volume not refreshed', { error }),
        );
      }
    }
  }

  #volumeContext(signal: AbortSignal) {
    const { client, pod, podIP, hostIP, folder } = this.#options;
    return { client, pod, podIP, hostIP, folder: join(folder, 'volumes'), signal };
  }

  #runner(container: Container, restartPolicy: 'Always' | 'OnFailure' | 'Never'): ContainerRunner {
    const { podIP, translatePort, clock } = this.#options;
    return new ContainerRunner({
      container,
      restartPolicy,
      podIP,
      translatePort,
      clock,
      prepare: async () => containerCommand(container, await this.#context(container)),
      logPath: (restart) => this.logPath(container.name, restart),
      onChange: () => this.#changed(),
    });
  }

  async #context(container: Container): Promise<ContainerContext> {
    const { client, pod, podIP, hostIP, images, baseEnv, mountMode } = this.#options;
    const { namespace } = pod.metadata;
    const mounts = new Map(
      (container.volumeMounts ?? []).map(({ name, mountPath, subPath }) => [
        mountPath,
        join(this.#mounts.get(name) ?? '', subPath ?? ''),
      ]),
    );
    return {
      pod,
      podIP,
      hostIP,
      images,
      baseEnv,
      ...(await containerReferences(client, namespace, container, this.#stop.signal)),
      mounts,
      enter: mountMode === 'namespace' ? this.#entry(container, mounts) : undefined,
    };
  }

  /** Enters the mount namespace of a container. */
  #entry(container: Container, mounts: ReadonlyMap<string, string>): ContainerContext['enter'] {
    const { folder, hostsFile, images } = this.#options;
    return (argv, cwd) =>
      inMountNamespace({
        argv,
        cwd,
        scratch: join(folder, 'root', container.name),
        mounts: new Map([['/etc/hosts', hostsFile], ...mounts]),
        // The programs of the container lie on this machine, where a volume may be mounted above them.
        keep: [
          dirname(process.execPath),
          dirname(hostsFile),
          ...Object.values(images).flatMap(({ needs = [] }) => needs),
        ],
      });
  }

  #changed(): void {
    if (this.#statusPending) return;
    this.#statusPending = true;
    this.#writing = this.#writing
      .then(() => delay(STATUS_DELAY_MS))
      .then(() => {
        this.#statusPending = false;
        return this.#writeStatus();
      })
      .catch((error: unknown) => {
        if (!isNotFound(error))
          this.#options.logger.warn('pod status not written', {
            pod: this.#options.pod.metadata.name,
            error,
          });
      });
  }

  async #writeStatus(): Promise<void> {
    const { client, pod, podIP, hostIP } = this.#options;
    const status = podStatus({
      restartPolicy: pod.spec.restartPolicy ?? 'Always',
      podIP,
      hostIP,
      startTime: this.#startTime,
      isMounted: this.#mounts.size > 0,
      waitingFor: this.#waitingFor,
      isInitialised: this.#initialised,
      isReady: this.ready,
      initContainers: this.#initContainers,
      containers: this.#containers,
    });
    const text = JSON.stringify(status);
    if (text === this.#statusSent) return;
    const { namespace, name, uid } = pod.metadata;
    // Also after the pod was stopped: its last status is written then.
    const deadline = withDeadline(this.#options.clock, new AbortController().signal, STATUS_TIMEOUT_MS, late);
    await client
      .mergePatch(
        kinds.Pod,
        { namespace, name, subresource: 'status' },
        { metadata: { uid }, status },
        deadline.signal,
      )
      .finally(deadline.release);
    this.#statusSent = text;
  }
}

/** `namespace`: a mount namespace for each container; `rewrite`: paths are rewritten, where namespaces are forbidden. */
export type MountMode = 'namespace' | 'rewrite';

/** Folder of a pod on this machine. */
export const podFolder = (folder: string, pod: Pod): string =>
  join(folder, 'pods', pod.metadata.uid ?? pod.metadata.name);
