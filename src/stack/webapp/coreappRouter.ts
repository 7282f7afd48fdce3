import { type Clock, sleep } from '../../base/clock.ts';
import { shardOf } from '../../onprem/account.ts';
import type { ContactStatus } from '../../onprem/contacts.ts';
import type { NodeHealth } from '../../onprem/health.ts';
import type { MetricShape } from '../../onprem/metrics.ts';
import type { NodeSupport } from '../../onprem/support.ts';
import { waIdByRule } from '../../onprem/waId.ts';
import type { ClusterStore, NodeRecord } from '../store/clusterStore.ts';
import { ConnectionPool } from '../wire/connectionPool.ts';
import { lineSeal } from '../wire/lineSeal.ts';
import type { LocalWire } from '../wire/localWire.ts';
import {
  type CallServedBy,
  type NodeCallName,
  type NodeProtocol,
  nodeProtocol,
  routeOf,
} from '../wire/nodeProtocol.ts';
import {
  type CallInput,
  type CallResponse,
  IncompatiblePeer,
  Refusal,
  UnknownCall,
  Unreachable,
} from '../wire/protocol.ts';

export interface CoreappRouterOptions {
  readonly multiconnect: boolean;
  /** Where the only Coreapp is, in single-instance mode. */
  readonly single: { readonly host: string; readonly ports: readonly number[] };
  readonly cluster: ClusterStore;
  /** `WA_SECRET`; if empty, the link is not encrypted. */
  readonly secret: string;
  /** Set if the Coreapp is in this process. */
  readonly wire?: LocalWire | undefined;
  readonly clock: Clock;
}

const MAP_CACHE_MS = 1_000;
const NOT_READY = 'Wacore is not instantiated. Please check wacore log for details.';
/** Only its timeout ends a call. */
const NEVER = new AbortController().signal;

/** The Webapp refuses by itself, because no Coreapp or Master answers. */
export class NoCoreapp extends Refusal {}

/** Finds in the database the node that serves a call, and calls it. */
export class CoreappRouter {
  readonly #options: CoreappRouterOptions;
  readonly #pool: ConnectionPool<NodeProtocol>;
  #map:
    | { nodes: NodeRecord[]; owners: (string | undefined)[]; primary: string | undefined; atMs: number }
    | undefined;

  constructor(options: CoreappRouterOptions) {
    this.#options = options;
    this.#pool = new ConnectionPool(nodeProtocol, options.clock, {
      seal: lineSeal(options.secret, options.clock),
      wire: options.wire,
    });
  }

  close(): void {
    this.#pool.close();
  }

  /** @throws Refusal: 1017 without a primary Master, 1014 when it can't be reached */
  async primary<N extends CallServedBy<'primary'>>(
    call: N,
    request: CallInput<NodeProtocol, N>,
  ): Promise<CallResponse<NodeProtocol, N>> {
    if (!this.#options.multiconnect) return this.#ask(this.#singleNode(), call, request);
    const { nodes, primary } = await this.#current();
    const node = nodes.find(({ id }) => id === primary);
    if (!node) throw new NoCoreapp(1017, 'There is no primary Master just now');
    return this.#ask(node, call, request);
  }

  /** Hands a message to the owner of the recipient's shard. @throws Refusal 1018 while the shard has no owner */
  async send(message: CallInput<NodeProtocol, 'send'>['message']): Promise<{ id: string; waId: string }> {
    const expected = waIdByRule(message.recipient);
    const { id, waId } = await this.#atOwner(expected, 'send', (shard) => ({ shard, message }));
    // Coreapps of the release before do not say it.
    return { id, waId: waId ?? message.recipient };
  }

  /** WhatsApp ids of numbers, and whether they have an account as far as the version of the client tells. */
  async checkContacts(
    numbers: readonly string[],
    isWaiting: boolean,
  ): Promise<Map<string, { status: ContactStatus; waId?: string | undefined }>> {
    const [first] = numbers;
    if (first === undefined) return new Map();
    const request = { numbers: [...numbers], isWaiting };
    const contacts = await this.toShardOf(waIdByRule(first), 'checkContacts', request).then(
      (answer) => answer.contacts,
      (error: unknown) => {
        if (!(error instanceof UnknownCall)) throw error;
        return numbers.map((number) => ({ number, status: 'valid' as const, waId: number }));
      },
    );
    return new Map(contacts.map(({ number, ...about }) => [number, about]));
  }

  /** Asks the Coreapp that owns the shard of a user. @throws Refusal 1018 while the shard has no owner */
  toShardOf<N extends Exclude<CallServedBy<'shardOwner'>, 'send'>>(
    waId: string,
    call: N,
    request: CallInput<NodeProtocol, N>,
  ): Promise<CallResponse<NodeProtocol, N>> {
    return this.#atOwner(waId, call, () => request);
  }

  /** Counters of each node by its id; the node of a single instance has the key ''. */
  async stats(area: 'app' | 'db'): Promise<Record<string, Record<string, MetricShape>>> {
    if (!this.#options.multiconnect)
      return { '': (await this.#ask(this.#singleNode(), 'stats', { area })).metrics };
    return this.#everybody((node) =>
      this.#ask(node, 'stats', { area }).then(
        ({ metrics }) => metrics,
        () => ({}),
      ),
    );
  }

  /** Starts a collection on every Coreapp. */
  async collectMessages(): Promise<Record<string, unknown>> {
    if (!this.#options.multiconnect) return this.#ask(this.#singleNode(), 'collectMessages', {});
    return this.#everybody(
      (node) => this.#ask(node, 'collectMessages', {}),
      ({ master }) => !master,
    );
  }

  async #atOwner<N extends CallServedBy<'shardOwner'>>(
    waId: string,
    call: N,
    request: (shard: number) => CallInput<NodeProtocol, N>,
  ): Promise<CallResponse<NodeProtocol, N>> {
    for (let attempt = 0; ; attempt++) {
      try {
        const { node, shard } = await this.#ownerOf(waId);
        return await this.#ask(node, call, request(shard));
      } catch (error) {
        // The map may just have changed, so it is read once more; further attempts are up to the client.
        if (attempt > 0 || !(error instanceof Refusal && error.code === 1018)) throw error;
        this.#map = undefined;
        await sleep(this.#options.clock, 50, NEVER);
      }
    }
  }

  async #ownerOf(waId: string): Promise<{ node: Pick<NodeRecord, 'hostname' | 'ports'>; shard: number }> {
    if (!this.#options.multiconnect) return { node: this.#singleNode(), shard: 0 };
    const { nodes, owners } = await this.#current();
    const shard = shardOf(waId, owners.length);
    const node = nodes.find(({ id }) => id === owners[shard]);
    if (!node) throw new NoCoreapp(1018, `Shard ${shard} has no owner just now`);
    return { node, shard };
  }

  async health(): Promise<NodeHealth | Record<string, NodeHealth>> {
    if (!this.#options.multiconnect) {
      return this.#ask(this.#singleNode(), 'health', {}).catch((error: unknown) => ({
        errors: [healthError(error)],
      }));
    }
    return this.#everybody<NodeHealth>((node) =>
      this.#ask(node, 'health', {}).catch((error: unknown) => ({
        errors: [healthError(error)],
      })),
    );
  }

  async support(): Promise<NodeSupport | Record<string, NodeSupport>> {
    if (!this.#options.multiconnect) return this.#ask(this.#singleNode(), 'support', {});
    return this.#everybody<NodeSupport>((node) =>
      this.#ask(node, 'support', {}).catch((error: unknown) => ({ errors: [healthError(error)] })),
    );
  }

  async #everybody<T>(
    ask: (node: NodeRecord) => Promise<T>,
    wanted: (node: NodeRecord) => boolean = () => true,
  ): Promise<Record<string, T>> {
    this.#map = undefined;
    const { nodes } = await this.#current();
    const asked = nodes.filter(wanted);
    const answers = await Promise.all(asked.map(ask));
    return Object.fromEntries(asked.map(({ id }, index) => [id, answers[index] as T]));
  }

  async #ask<N extends NodeCallName>(
    node: Pick<NodeRecord, 'hostname' | 'ports'>,
    call: N,
    request: CallInput<NodeProtocol, N>,
  ): Promise<CallResponse<NodeProtocol, N>> {
    const { target, timeoutMs } = routeOf(call, node);
    try {
      return await this.#pool.call(target, call, request, { signal: NEVER, timeoutMs });
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.#map = undefined;
      if (error instanceof IncompatiblePeer) throw new NoCoreapp(1014, error.message);
      if (isRefused(error) && (await this.#isJoining(node, call))) throw new NoCoreapp(1011, NOT_READY);
      throw new NoCoreapp(
        1014,
        `Connection timed out. Please check if wacore is running: ${target.host}:${target.port}`,
      );
    }
  }

  /** Whether a node that refused a connection answers on `healthcheck`: `control` opens when the node has joined. */
  async #isJoining(node: Pick<NodeRecord, 'hostname' | 'ports'>, call: NodeCallName): Promise<boolean> {
    if (nodeProtocol.calls[call].port !== 'control') return false;
    const { target, timeoutMs } = routeOf('health', node);
    return this.#pool.call(target, 'health', {}, { signal: NEVER, timeoutMs }).then(
      () => true,
      () => false,
    );
  }

  #singleNode(): Pick<NodeRecord, 'hostname' | 'ports'> {
    return { hostname: this.#options.single.host, ports: this.#options.single.ports };
  }

  async #current() {
    const now = this.#options.clock.monotonic();
    if (!this.#map || now - this.#map.atMs > MAP_CACHE_MS) {
      const { cluster } = this.#options;
      const [nodes, shards, primary] = await Promise.all([
        cluster.nodes(),
        cluster.shardMap(),
        cluster.primaryMaster(),
      ]);
      this.#map = {
        nodes,
        owners: shards.map(({ owner }) => owner),
        primary: primary?.split('#')[0],
        atMs: now,
      };
    }
    return this.#map;
  }
}

function healthError(error: unknown) {
  if (error instanceof Refusal && error.code === 1014)
    return { code: 1014, title: 'Internal error', details: error.details };
  return {
    code: 1011,
    title: 'Service not ready',
    details: NOT_READY,
  };
}

const isRefused = ({ cause }: Unreachable): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';
