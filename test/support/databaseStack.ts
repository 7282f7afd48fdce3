import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import type { Journal } from '../../src/operator/plan/facts/journal.ts';
import { decodeSecret, type SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import { readJournal } from '../../src/operator/state/journalStore.ts';
import { startReceiver } from './emulatorStack.ts';
import { OperatorCluster } from './operatorCluster.ts';
import { type Receiver, StackLoad } from './stackLoad.ts';

const never = new AbortController().signal;

/** A stack on a database that the operator manages, alone in a local cluster, with a receiver of its callbacks. */
export class DatabaseStack {
  readonly cluster: OperatorCluster;
  readonly receiver: Receiver;
  readonly name: string;
  readonly #number: string;

  private constructor(cluster: OperatorCluster, receiver: Receiver, name: string, number: string) {
    this.cluster = cluster;
    this.receiver = receiver;
    this.name = name;
    this.#number = number;
  }

  /** Starts the cluster with the operator. `create` makes the stack. */
  static async start(name: string, number: string): Promise<DatabaseStack> {
    const receiver = await startReceiver();
    const stack = new DatabaseStack(await OperatorCluster.start(), receiver, name, number);
    try {
      await stack.#prepare();
    } catch (error) {
      await stack.close();
      throw error;
    }
    return stack;
  }

  async #prepare(): Promise<void> {
    const { cluster, receiver } = this;
    await cluster.installOperator();
    await cluster.kubectl('delete', 'wad', 'shop', '--wait=true', '--timeout=60s');
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'hook-ca', namespace: cluster.namespace },
      stringData: { 'ca.crt': receiver.caPem },
    } as KubeObject);
  }

  /** @param managed of `spec.database`  @returns the resource when it is Ready */
  async create(topology: 'Single' | 'HighAvailability', managed: object, timeoutMs: number) {
    await this.cluster.apply({
      apiVersion: 'waba-operator.dev/v1alpha1',
      kind: 'WhatsAppDeployment',
      metadata: { name: this.name, namespace: this.cluster.namespace },
      spec: {
        phoneNumber: `+${this.#number}`,
        topology,
        database: { managed },
        settings: { webhooks: { message: { sent: true, delivered: true } } },
        webhook: { url: this.receiver.url, caSecretRef: { name: 'hook-ca', key: 'ca.crt' } },
      },
    } as KubeObject);
    return this.cluster.ready(this.name, timeoutMs);
  }

  load(perSecond: number): Promise<StackLoad> {
    const { cluster, receiver, name } = this;
    return StackLoad.start({ cluster, name, number: this.#number, receiver, perSecond });
  }

  /** The account of the stack. */
  login(): Promise<Record<string, string>> {
    return this.#secret('database').then(decodeSecret);
  }

  async journal(): Promise<Journal> {
    return readJournal(await this.#secret('journal'));
  }

  /** Where the nodes find the server, and the CA by which they know it: its certificate names the Service, not this address. */
  async server(): Promise<{ host: string; ca: string }> {
    const { 'ca.crt': ca = '' } = decodeSecret(await this.#secret('database-certificate'));
    const { spec } = await this.cluster.client.get<KubeObject & { spec: { clusterIP: string } }>(
      kinds.Service,
      this.cluster.namespace,
      `${this.name}-database`,
      never,
    );
    return { host: spec.clusterIP, ca };
  }

  async close(): Promise<void> {
    await this.cluster.close();
    await this.receiver.close();
  }

  #secret(of: string): Promise<SecretObject> {
    const { client, namespace } = this.cluster;
    return client.get<SecretObject>(kinds.Secret, namespace, `${this.name}-${of}`, never);
  }
}
