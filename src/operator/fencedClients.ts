import { KubeClient } from '../engine/kube/client.ts';
import { fencedTransport } from '../engine/kube/fencedTransport.ts';
import { namespaceOfPath } from '../engine/kube/kubeObject.ts';
import type { Connection } from './connection.ts';
import type { WhatsAppFleet } from './resource/whatsAppFleet.ts';
import type { StackNamespaces } from './state/stackNamespaces.ts';

/** Writes the Leases of namespaces, which the replicas of an installation hold together: whichever works there may renew them. */
export const clientOfClaims = ({ client, clientWith, shards }: Connection): KubeClient =>
  clientWith?.(({ method }) => {
    if (method !== 'GET') shards?.assertAny();
  }) ?? client;

/** The clients of the controllers. Each writes only where this replica, and this installation, may. */
export function fencedClients(connection: Connection, claimed: StackNamespaces) {
  const { client: ofReplica, clientWith = () => ofReplica, fence: replicaFence } = connection;
  /** Of the installation. */
  const fence = (method: string, namespace: string | undefined) => {
    if (method !== 'GET' && namespace !== undefined) claimed.assertOurs(namespace);
  };
  const client = new KubeClient(
    fencedTransport(ofReplica.transport, ({ method, path }) => fence(method, namespaceOfPath(path))),
  );
  /** Writes stacks for a fleet: other replicas may work on their namespaces, and this one on that of the fleet. */
  const clientOf = ({ metadata: fleet }: WhatsAppFleet): KubeClient =>
    clientWith(({ method, path }) => {
      replicaFence?.(method, fleet.namespace);
      const namespace = namespaceOfPath(path);
      if (method !== 'GET' && namespace !== undefined) claimed.claim(namespace);
    });
  /** Of calls to the API of a stack. */
  const stackFence = (method: string, namespace: string) => {
    replicaFence?.(method, namespace);
    fence(method, namespace);
  };
  return { client, clientOf, stackFence };
}
