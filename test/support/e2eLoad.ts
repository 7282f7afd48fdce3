import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import type { Callback } from '../../src/onprem/webhook.ts';
import { never } from './cluster.ts';
import { CountedLoad, type Tally, tally } from './countedLoad.ts';
import type { E2eCluster } from './e2eCluster.ts';
import { eventually } from './eventually.ts';
import { stackApi } from './stackLoad.ts';

interface LoadedStack {
  readonly namespace: string;
  readonly name: string;
  /** Without the plus sign. */
  readonly number: string;
}

type ServiceObject = KubeObject & {
  readonly spec: { readonly selector: object; readonly ports: readonly { readonly nodePort?: number }[] };
};

const PEOPLE = Array.from({ length: 20 }, (_, index) => `1650557${String(index).padStart(4, '0')}`);

/**
 * Texts at a steady rate through a port of the machines, which leads to whichever Webapps are ready. What became of them is
 * in the log of the receiver of the quickstart.
 */
export class E2eLoad {
  readonly #cluster: E2eCluster;
  readonly #namespace: string;
  readonly #load: CountedLoad;
  readonly #close: () => void;

  private constructor(cluster: E2eCluster, namespace: string, load: CountedLoad, close: () => void) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.#load = load;
    this.#close = close;
  }

  /** Returns once the stack has accepted some messages. */
  static async start(cluster: E2eCluster, stack: LoadedStack, perSecond: number): Promise<E2eLoad> {
    const { namespace, name, number } = stack;
    const at = await openPort(cluster, namespace, name);
    const { client, login } = await stackApi({ client: cluster.client, namespace }, name, at);
    const session = await login();
    // Somebody who wrote within 24 hours may be sent a text.
    await cluster.simulation(namespace, async (call) => {
      for (const from of PEOPLE) await call('POST', `/numbers/${number}/messages`, { from, text: 'Hi' });
    });
    const send = (index: number) =>
      client.messages.sendText(session, PEOPLE[index % PEOPLE.length] ?? '', `message ${index}`, never);
    const load = new E2eLoad(cluster, namespace, new CountedLoad(send, perSecond), () => client.close());
    await load.flows();
    return load;
  }

  get accepted(): number {
    return this.#load.accepted.length;
  }

  get refused(): number {
    return this.#load.refused;
  }

  /** Waits until the stack accepts messages again. */
  async flows(messages = 50): Promise<void> {
    const before = this.accepted;
    await eventually(() => this.accepted >= before + messages, 180_000);
  }

  /** Stops sending. @returns what became of the accepted messages, once the receiver has had time to hear of all */
  async stop(): Promise<Tally> {
    await this.#load.stop();
    this.#close();
    const told = async () => tally(await this.#received(), this.#load.accepted);
    await eventually(async () => (await told()).lost.length === 0, 120_000).catch(() => {});
    return told();
  }

  async #received(): Promise<Callback[]> {
    const log = await this.#cluster.kubectl('-n', this.#namespace, 'logs', 'deploy/webhook-receiver');
    return [...log.matchAll(/^webhook (sent|delivered|read) (\S+)/gm)].map(
      ([, status, id]) => ({ statuses: [{ id, status }] }) as Callback,
    );
  }
}

async function openPort(cluster: E2eCluster, namespace: string, name: string) {
  const { spec } = await cluster.client.get<ServiceObject>(kinds.Service, namespace, `${name}-webapp`, never);
  const metadata = { name: `${name}-load`, namespace };
  const ports = [{ port: 443, targetPort: 'https' }];
  await cluster.apply(namespace, [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { type: 'NodePort', selector: spec.selector, ports },
    },
  ]);
  const made = await cluster.client.get<ServiceObject>(kinds.Service, namespace, metadata.name, never);
  const path = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}';
  const host = await cluster.kubectl('get', 'nodes', '-o', `jsonpath=${path}`);
  return { host, port: made.spec.ports[0]?.nodePort ?? 0 };
}
