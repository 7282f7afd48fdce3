import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { startReceiver } from './emulatorStack.ts';
import { eventually } from './eventually.ts';
import type { OperatorCluster } from './operatorCluster.ts';
import { PodWatch } from './podWatch.ts';
import { ShardWatch } from './shardWatch.ts';
import { type Receiver, StackLoad } from './stackLoad.ts';

export interface LoadedStackOptions {
  readonly cluster: OperatorCluster;
  readonly name: string;
  readonly number: string;
  readonly shards: number;
  readonly perSecond: number;
  readonly spec?: object;
}

export interface LoadReport {
  readonly seconds: number;
  readonly accepted: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly leftOut: number;
  readonly unservedShardSeconds: number;
  readonly unknownShardSeconds: number;
  readonly mostUnserved: number;
  readonly restarts: number;
}

const READY_TIMEOUT_MS = 240_000;
const GONE_TIMEOUT_MS = 90_000;

/** A stack under steady load: its pods by their own watch, its shards by polling, its callbacks at a receiver. */
export class LoadedStack {
  readonly pods: PodWatch;
  readonly load: StackLoad;
  readonly #options: LoadedStackOptions;
  readonly #receiver: Receiver;
  readonly #shards: ShardWatch;
  readonly #startedMs = Date.now();

  private constructor(
    options: LoadedStackOptions,
    parts: { pods: PodWatch; load: StackLoad; receiver: Receiver; shards: ShardWatch },
  ) {
    this.#options = options;
    this.pods = parts.pods;
    this.load = parts.load;
    this.#receiver = parts.receiver;
    this.#shards = parts.shards;
  }

  /** Creates the stack, waits until it is Ready, and starts the load. */
  static async start(options: LoadedStackOptions): Promise<LoadedStack> {
    const { cluster, name, number, shards, perSecond, spec = {} } = options;
    const receiver = await startReceiver();
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `${name}-hook`, namespace: 'default' },
      stringData: { 'ca.crt': receiver.caPem },
    });
    await cluster.apply({
      apiVersion: 'waba-operator.dev/v1alpha1',
      kind: 'WhatsAppDeployment',
      metadata: { name, namespace: 'default' },
      spec: {
        phoneNumber: `+${number}`,
        multiconnect: { shards, standbys: 1 },
        settings: {
          // So that a failover takes seconds, as in a stack that somebody cares for.
          heartbeatInterval: 1,
          unhealthyInterval: 5,
          webhooks: { message: { sent: true, delivered: true } },
        },
        webhook: { url: receiver.url, caSecretRef: { name: `${name}-hook`, key: 'ca.crt' } },
        deletionPolicy: 'Delete',
        ...spec,
      },
    } as KubeObject);
    await cluster.ready(name, READY_TIMEOUT_MS);
    const pods = await PodWatch.start(cluster.client, name);
    await eventually(() => pods.pods().length >= shards + 1 + 2 + 2 + 1 && pods.down().length === 0);
    pods.expect();
    const load = await StackLoad.start({ cluster, name, number, receiver, perSecond });
    const watch = await ShardWatch.start(cluster, name, shards);
    return new LoadedStack(options, { pods, load, receiver, shards: watch });
  }

  /** Stops the load. @returns what it came to, and the accepted messages that were lost */
  async stop(): Promise<{ report: LoadReport; lost: readonly string[] }> {
    const seconds = Math.round((Date.now() - this.#startedMs) / 100) / 10;
    const shards = await this.#shards.stop();
    const lost = await this.load.stop();
    const restarts = this.pods.moments.filter(({ state }) => state === 'Deleted').length;
    const { accepted, refused, leftOut } = this.load;
    return {
      report: { seconds, accepted: accepted.length, refused, leftOut, ...shards, restarts },
      lost,
    };
  }

  /** Deletes the stack with its data. */
  async close(): Promise<void> {
    const { cluster, name } = this.#options;
    this.pods.close();
    await cluster.kubectl('delete', 'wad', name, '--wait=true', '--timeout=90s');
    const label = `app.kubernetes.io/instance=${name}`;
    await eventually(async () => (await cluster.pods(label)).length === 0, GONE_TIMEOUT_MS);
    await this.#receiver.close();
  }
}
