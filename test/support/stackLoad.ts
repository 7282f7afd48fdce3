import { CodedError } from '../../src/base/codedError.ts';
import type { Session } from '../../src/client/calls.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { isUnauthorised } from '../../src/client/stackError.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { decodeSecret, type SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import { readJournal } from '../../src/operator/state/journalStore.ts';
import type { startReceiver } from './emulatorStack.ts';
import { eventually } from './eventually.ts';
import type { OperatorCluster } from './operatorCluster.ts';

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

const never = new AbortController().signal;
/** Calls without an answer that the client has open at a time; beyond, it leaves out a message. */
const MOST_OPEN = 60;
const CALL_TIMEOUT_MS = 8_000;

/**
 * A client of a stack's API, and an administrator's session.
 * @param at where the API answers. Default: the address of its Service
 */
export async function stackApi(
  cluster: Pick<OperatorCluster, 'client' | 'namespace'>,
  name: string,
  at?: { readonly host: string; readonly port: number },
): Promise<{ client: StackClient; login: () => Promise<Session> }> {
  const { namespace } = cluster;
  const secret = (of: string) => cluster.client.get<SecretObject>(kinds.Secret, namespace, of, never);
  const { webappCa: ca } = readJournal(await secret(`${name}-journal`));
  const { password = '' } = decodeSecret(await secret(`${name}-admin`));
  const { spec } = await cluster.client.get<KubeObject & { spec: { clusterIP: string } }>(
    kinds.Service,
    namespace,
    `${name}-webapp`,
    never,
  );
  const { host, port } = at ?? { host: spec.clusterIP, port: 443 };
  const client = new StackClient(
    new HttpsStackTransport({
      host,
      port,
      serverName: `${name}-webapp.${namespace}.svc`,
      ca,
      timeoutMs: CALL_TIMEOUT_MS,
    }),
  );
  return {
    client,
    login: () => eventually(() => client.users.login('admin', password, {}, never), 60_000),
  };
}

export interface LoadOptions {
  readonly cluster: OperatorCluster;
  readonly name: string;
  readonly number: string;
  readonly receiver: Receiver;
  readonly perSecond: number;
}

/** Sends texts at a steady rate through a stack's Service, and keeps the ids that the stack accepted. */
export class StackLoad {
  /** Ids that were answered with 201. */
  readonly accepted: string[] = [];
  /** Refusals by code. `Unreachable`: no answer, so that the stack may have accepted the message. */
  readonly refused: Record<string, number> = {};
  /** Messages left out because too many calls had no answer yet. */
  leftOut = 0;
  readonly #options: LoadOptions;
  readonly #people: readonly string[];
  readonly #open = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #session: Session;
  readonly #client: StackClient;
  readonly #login: () => Promise<Session>;
  #running: Promise<void> = Promise.resolve();

  private constructor(
    options: LoadOptions,
    people: readonly string[],
    api: { client: StackClient; login: () => Promise<Session>; session: Session },
  ) {
    this.#options = options;
    this.#people = people;
    this.#client = api.client;
    this.#login = api.login;
    this.#session = api.session;
  }

  /** Returns once the stack has accepted some messages. */
  static async start(options: LoadOptions): Promise<StackLoad> {
    const { cluster, name, number } = options;
    const api = await stackApi(cluster, name);
    // Enough people that every shard has some.
    const people = Array.from({ length: 40 }, (_, index) => `1650559${String(index).padStart(4, '0')}`);
    // Somebody who wrote within 24 hours may be sent a text.
    for (const from of people)
      await cluster.simulation(`/numbers/${number}/messages`, 'POST', { from, text: 'Hi' });
    const load = new StackLoad(options, people, { ...api, session: await api.login() });
    load.#running = load.#run();
    await load.flows();
    return load;
  }

  /** Waits until the stack accepts messages again. */
  async flows(messages = 20): Promise<void> {
    const before = this.accepted.length;
    await eventually(() => this.accepted.length >= before + messages, 120_000);
  }

  /** Stops sending. @returns accepted messages that the receiver has no `delivered` of, after it had time */
  async stop(): Promise<string[]> {
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#open);
    const undelivered = () => {
      const told = new Set(
        this.#options.receiver.received.flatMap(({ statuses = [] }) =>
          statuses.filter(({ status }) => status === 'delivered' || status === 'read').map(({ id }) => id),
        ),
      );
      return this.accepted.filter((id) => !told.has(id));
    };
    await eventually(() => undelivered().length === 0, 90_000).catch(() => {});
    this.#client.close();
    return undelivered();
  }

  async #run(): Promise<void> {
    const gapMs = 1_000 / this.#options.perSecond;
    for (let index = 0; !this.#stop.signal.aborted; index++) {
      if (this.#open.size >= MOST_OPEN) this.leftOut += 1;
      else {
        const call = this.#send(index).finally(() => this.#open.delete(call));
        this.#open.add(call);
      }
      await new Promise((resolve) => setTimeout(resolve, gapMs));
    }
  }

  async #send(index: number): Promise<void> {
    const to = this.#people[index % this.#people.length] ?? '';
    const session = this.#session;
    try {
      this.accepted.push(await this.#client.messages.sendText(session, to, `message ${index}`, never));
    } catch (error) {
      const code = error instanceof CodedError ? error.code : String(error);
      this.refused[code] = (this.refused[code] ?? 0) + 1;
      if (isUnauthorised(error) && session === this.#session) this.#session = await this.#login();
    }
  }
}
