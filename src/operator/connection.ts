import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { ControllerMetrics } from '../engine/controller/metrics.ts';
import { Shards } from '../engine/controller/shards.ts';
import { KubeClient } from '../engine/kube/client.ts';
import type { Credentials } from '../engine/kube/credentials.ts';
import { fencedTransport } from '../engine/kube/fencedTransport.ts';
import { namespaceOfPath } from '../engine/kube/kubeObject.ts';
import { type ApiEncoding, HttpsTransport, type KubeRequest } from '../engine/kube/transport.ts';

export interface ConnectionOptions {
  readonly credentials: Credentials;
  /** Default `protobuf`. */
  readonly apiEncoding?: ApiEncoding | undefined;
  /** Version of the operator, for the user agent. */
  readonly version: string;
  /** Namespace and name of the installation. Its replicas share them; two installations never work in one namespace. */
  readonly installation: { readonly namespace: string; readonly name: string };
  /** Name of this replica; undefined if there is only one. */
  readonly replica?: string | undefined;
  /** Into how many parts the replicas divide the namespaces; default 1. */
  readonly shards?: number | undefined;
  readonly metrics: ControllerMetrics;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** The connection of this replica to the Kubernetes API server. */
export interface Connection {
  /** Writes in a namespace only while this replica may. */
  readonly client: KubeClient;
  /** Undefined if there is only one replica. */
  readonly shards: Shards | undefined;
  /** Throws if this replica must not write in a namespace: one that does not hold its shard may only read. */
  readonly fence: ((method: string, namespace: string | undefined) => void) | undefined;
  /** A client with another fence, of what works in namespaces of other shards. Default: `client`. */
  readonly clientWith?: (fence: (request: KubeRequest) => void) => KubeClient;
}

export function connect(options: ConnectionOptions): Connection {
  const { credentials, apiEncoding, version, replica, installation, metrics } = options;
  const transport = () =>
    new HttpsTransport({
      credentials,
      encoding: apiEncoding,
      clock: options.clock,
      userAgent: `waba-operator/${version}`,
      observer: metrics.requests,
    });
  const work = transport();
  if (replica === undefined) return { client: new KubeClient(work), shards: undefined, fence: undefined };
  // Of its own, so that no work delays a renewal.
  const ofLeases = new KubeClient(transport());
  const shards = new Shards({ ...options, ...installation, client: ofLeases, identity: replica });
  const fence = (method: string, namespace: string | undefined) => {
    if (method !== 'GET') shards.assertHeld(namespace);
  };
  const clientWith = (ask: (request: KubeRequest) => void) => new KubeClient(fencedTransport(work, ask));
  const client = clientWith(({ method, path }) => fence(method, namespaceOfPath(path)));
  return { client, shards, fence, clientWith };
}
