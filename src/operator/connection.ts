import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { ControllerMetrics } from '../engine/controller/metrics.ts';
import { KubeClient } from '../engine/kube/client.ts';
import type { Credentials } from '../engine/kube/credentials.ts';
import { LeaderElection } from '../engine/kube/leaderElection.ts';
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
  readonly metrics: ControllerMetrics;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** The connection of this replica to the Kubernetes API server. */
export interface Connection {
  readonly client: KubeClient;
  /** Undefined if there is only one replica. */
  readonly election: LeaderElection | undefined;
  /** Throws if this replica must not write: a replica that is no longer the leader may only read. */
  readonly fence: ((request: { readonly method: string }) => void) | undefined;
}

export function connect(options: ConnectionOptions): Connection {
  const { credentials, apiEncoding, version, installation, replica, metrics, clock, random, logger } =
    options;
  const userAgent = `waba-operator/${version}`;
  const clientWith = (fence?: (request: KubeRequest) => void) =>
    new KubeClient(
      new HttpsTransport({
        credentials,
        encoding: apiEncoding,
        clock,
        userAgent,
        observer: metrics.requests,
        ...(fence ? { fence } : {}),
      }),
    );
  if (replica === undefined) return { client: clientWith(), election: undefined, fence: undefined };
  const election = new LeaderElection({
    client: clientWith(),
    ...installation,
    identity: replica,
    clock,
    random,
    logger,
  });
  const fence = ({ method }: { readonly method: string }) => {
    if (method !== 'GET') election.assertLeader();
  };
  return { client: clientWith(fence), election, fence };
}
