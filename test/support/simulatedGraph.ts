import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { Graph } from '../../src/stack/graph/graph.ts';
import { startGraphServer } from '../../src/stack/graph/graphServer.ts';
import { callbackOf } from '../../src/stack/graph/webhookPoster.ts';
import { changeValue, wamidOf } from '../../src/stack/graph/webhookValues.ts';
import {
  type GraphFault,
  graphFault,
  type WebhookFault,
  webhookFault,
} from '../../src/stack/network/graphFaults.ts';
import type { GraphStatus } from '../../src/stack/network/graphState.ts';
import { inbound, personalMessage } from '../../src/stack/network/inboundMessage.ts';
import { Network } from '../../src/stack/network/network.ts';
import { eventually } from './eventually.ts';

export interface SimulatedGraphOptions {
  readonly number?: string;
  readonly phoneNumberId?: string;
  readonly businessAccountId?: string;
  readonly status?: GraphStatus;
  /** Whether any code verifies the number. */
  readonly takesAnyCode?: boolean;
  /** Whether the documented rates apply. */
  readonly limits?: boolean;
  readonly clock?: Clock;
  /** Where the URL of a webhook leads, as its name and the proxy behind it decide; by itself without it. */
  readonly route?: (url: string) => string;
  readonly onAccepted?: (message: AcceptedMessage) => void;
}

export interface AcceptedMessage {
  readonly wamid: string;
  readonly opaque: string | undefined;
  readonly to: string;
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Where a gateway finds a Graph API, and with which identity. */
export type AnyGraph = Readonly<
  Record<'url' | 'token' | 'number' | 'phoneNumberId' | 'businessAccountId' | 'appSecret', string>
>;

/** The simulated Graph API alone, in this process. Every person has just written to its number. */
export class SimulatedGraph {
  readonly network: Network;
  readonly graph: Graph;
  readonly url: string;
  readonly number: string;
  appSecret = 'app-secret';
  readonly accepted: AcceptedMessage[] = [];
  /** Codes of refusals, in their order. */
  readonly refusals: number[] = [];
  /** `biz_opaque_callback_data` of messages that were refused. */
  readonly refused = new Set<string>();
  readonly #close: () => Promise<void>;

  private constructor(
    parts: Pick<SimulatedGraph, 'network' | 'graph' | 'url' | 'number'>,
    onAccepted: SimulatedGraphOptions['onAccepted'],
    close: () => Promise<void>,
  ) {
    this.network = parts.network;
    this.graph = parts.graph;
    this.url = parts.url;
    this.number = parts.number;
    this.#close = close;
    this.#watch(onAccepted);
  }

  static async start({
    number = '16315551000',
    phoneNumberId,
    businessAccountId,
    status = 'CONNECTED',
    takesAnyCode = false,
    limits = false,
    clock = systemClock,
    route = (url) => url,
    onAccepted,
  }: SimulatedGraphOptions = {}): Promise<SimulatedGraph> {
    const folder = await mkdtemp(join(tmpdir(), 'waba-graph-'));
    const network = await Network.start({
      host: '127.0.0.1',
      port: 0,
      dataFolder: folder,
      inMemory: true,
      limits,
      graph: 'exclusive',
      clock,
      logger: silentLogger,
    });
    const graph = new Graph({
      network,
      limits,
      mediaHosts: ['*'],
      logger: silentLogger,
      fetch: (url, init) => fetch(route(String(url)), init),
    });
    const server = await startGraphServer(graph, { host: '127.0.0.1', port: 0 });
    const ids = {
      ...(phoneNumberId === undefined ? {} : { phoneNumberId }),
      ...(businessAccountId === undefined ? {} : { businessAccountId }),
    };
    const change = { status, takesAnyCode, ...ids };
    await network.record({ type: 'graph-number', number, change });
    const simulated = new SimulatedGraph(
      { network, graph, number, url: `http://127.0.0.1:${server.port}` },
      onAccepted,
      async () => {
        await server.close();
        graph.close();
        await network.close();
        await rm(folder, { recursive: true, force: true });
      },
    );
    await simulated.setAppSecret(simulated.appSecret);
    await simulated.setToken('token-1');
    return simulated;
  }

  get phoneNumberId(): string {
    return this.graph.numbers.idsOf(this.number).phoneNumberId;
  }

  get businessAccountId(): string {
    return this.graph.numbers.idsOf(this.number).businessAccountId;
  }

  get token(): string {
    return this.network.state.graph.app.tokens?.[0]?.token ?? '';
  }

  get isSubscribed(): boolean {
    return callbackOf(this.network, this.number) !== undefined;
  }

  /** Where webhooks of the number, or of another one, go. */
  callback(number = this.number): string | undefined {
    return callbackOf(this.network, number)?.url;
  }

  /** Another connected number of the same business account. */
  async addNumber(number: string): Promise<AnyGraph> {
    const { url, token, businessAccountId, appSecret } = this;
    const change = { status: 'CONNECTED' as const, businessAccountId };
    await this.network.record({ type: 'graph-number', number, change });
    const { phoneNumberId } = this.graph.numbers.idsOf(number);
    return { url, token, number, phoneNumberId, businessAccountId, appSecret };
  }

  async setToken(token: string): Promise<void> {
    await this.network.record({ type: 'graph-app', change: { tokens: [{ token }] } });
  }

  async setAppSecret(appSecret: string): Promise<void> {
    this.appSecret = appSecret;
    await this.network.record({ type: 'graph-app', change: { appSecret } });
  }

  /** Each is completed with the defaults of the control API. */
  setFaults(...faults: readonly (Partial<GraphFault> & { readonly path: string })[]): void {
    this.network.graphFaults.calls.set(faults.map((fault) => graphFault.parse(fault)));
  }

  setWebhookFaults(...faults: readonly Partial<WebhookFault>[]): void {
    this.network.graphFaults.webhooks.set(faults.map((fault) => webhookFault.parse(fault)));
  }

  /** What the simulation knows of the number. */
  get known() {
    return this.network.state.known(this.number);
  }

  /** Bodies of calls whose path ends so, in their order. */
  bodies(path: string): unknown[] {
    const calls = this.network.requests.all().filter((request) => request.path.endsWith(path));
    return calls.map(({ body }) => body);
  }

  /** The customer-care window of each is open. */
  async openWindows(...people: readonly string[]): Promise<void> {
    for (const person of people) await this.network.people.openWindow(person, this.number);
  }

  /** A person writes, as the control API takes it. @returns the id of the message */
  async say(
    from: string,
    message: { readonly type: string; readonly [content: string]: unknown },
    number = this.number,
  ): Promise<string> {
    return wamidOf(
      await this.network.people.write(personalMessage(number, inbound.parse({ from, ...message }))),
    );
  }

  /** A change of messages that the simulation would not tell by itself. */
  tell(value: Readonly<Record<string, unknown>>): Promise<void> {
    return this.network.tellGraph(this.number, changeValue(this.network, this.number, value));
  }

  /** Whether the business has read a message of a person. */
  isRead(wamid: string): boolean {
    const ids = [...this.network.state.received]
      .filter(([, isRead]) => isRead)
      .map(([key]) => key.split('/')[1] ?? '');
    return ids.some((id) => wamidOf(id) === wamid);
  }

  /** Resolves when everything that was due is told. */
  async settled(): Promise<void> {
    const { state } = this.network;
    const waiting = () => (state.known(this.number).changes?.length ?? 0) + state.outgoing.size;
    await eventually(() => waiting() === 0, 60_000);
  }

  close(): Promise<void> {
    return this.#close();
  }

  #watch(onAccepted: SimulatedGraphOptions['onAccepted']): void {
    const { notices, state } = this.network;
    const known = new Set<string>();
    notices.watch((notice) => {
      if (notice.about === 'request' && notice.api === 'graph') {
        const [error] = notice.errors;
        if (error) this.refusals.push(error.code);
        const { biz_opaque_callback_data: id } = (notice.body ?? {}) as { biz_opaque_callback_data?: string };
        if (error && notice.status < 500 && id !== undefined) this.refused.add(id);
      }
      if (notice.about !== 'chat') return;
      // The newest are at the end.
      const outgoing = [...state.outgoing].slice(-50).filter(([id, { graph }]) => graph && !known.has(id));
      for (const [id, { to, messageType: type, graph, number }] of outgoing) {
        known.add(id);
        const shown = state.chats.chat(number, to)?.messages.find((message) => message.id === id);
        const message = {
          wamid: wamidOf(id),
          opaque: graph?.opaque,
          to,
          type,
          content: shown?.content ?? {},
        };
        this.accepted.push(message);
        onAccepted?.(message);
      }
    });
  }
}
