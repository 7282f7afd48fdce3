import { NODE_PORT_NAMES, type NodePortName } from '../../onprem/environment.ts';
import type { NodeHealth } from '../../onprem/health.ts';
import type { NodeSupport } from '../../onprem/support.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { ClusterStore, NodeRecord } from '../store/clusterStore.ts';
import { ConnectionPool } from '../wire/connectionPool.ts';
import { type NodeProtocol, nodeProtocol } from '../wire/nodeProtocol.ts';
import { type CallInput, type CallName, type CallResponse, Refusal, Unreachable } from '../wire/protocol.ts';

export interface CoreappRouterOptions {
  readonly multiconnect: boolean;
  /** Where the only Coreapp is, in single-instance mode. */
  readonly single: { readonly host: string; readonly ports: readonly number[] };
  readonly cluster: ClusterStore;
  readonly clock: Clock;
}

const NODE_TIMEOUT_MS = 4_000;
const MAP_CACHE_MS = 1_000;

/** Finds the node that a request is for, by the database, and asks it. */
export class CoreappRouter {
  readonly #options: CoreappRouterOptions;
  readonly #pool: ConnectionPool<NodeProtocol>;
  #map:
    | { nodes: NodeRecord[]; owners: (string | undefined)[]; primary: string | undefined; atMs: number }
    | undefined;

  constructor(options: CoreappRouterOptions) {
    this.#options = options;
    this.#pool = new ConnectionPool(nodeProtocol, options.clock);
  }

  close(): void {
    this.#pool.close();
  }

  /** @throws Refusal: 1017 without a primary Master, 1014 when it can't be reached */
  async primary<N extends CallName<NodeProtocol>>(
    call: N,
    request: CallInput<NodeProtocol, N>,
  ): Promise<CallResponse<NodeProtocol, N>> {
    if (!this.#options.multiconnect) return this.#ask(this.#singleNode(), 'control', call, request);
    const { nodes, primary } = await this.#current();
    const node = nodes.find(({ id }) => id === primary);
    if (!node) throw new Refusal(1017, 'There is no primary Master just now');
    return this.#ask(node, 'control', call, request);
  }

  /** The Coreapp that owns the shard of a recipient. @throws Refusal 1018 while nobody does */
  async send(recipient: string, message: CallInput<NodeProtocol, 'send'>['message']): Promise<string> {
    for (let attempt = 0; ; attempt++) {
      try {
        return (await this.#sendOnce(recipient, message)).id;
      } catch (error) {
        // The map may just have changed; one fresh look is worth it, more is the client's business.
        if (attempt > 0 || !(error instanceof Refusal && error.code === 1018)) throw error;
        this.#map = undefined;
        await sleep(this.#options.clock, 50, new AbortController().signal);
      }
    }
  }

  async #sendOnce(recipient: string, message: CallInput<NodeProtocol, 'send'>['message']) {
    if (!this.#options.multiconnect)
      return this.#ask(this.#singleNode(), 'messaging', 'send', { shard: 0, message });
    const { nodes, owners } = await this.#current();
    const shard = shardOf(recipient, owners.length);
    const node = nodes.find(({ id }) => id === owners[shard]);
    if (!node) throw new Refusal(1018, `Shard ${shard} has no owner just now`);
    return this.#ask(node, 'messaging', 'send', { shard, message });
  }

  async health(): Promise<NodeHealth | Record<string, NodeHealth>> {
    if (!this.#options.multiconnect) {
      return this.#ask(this.#singleNode(), 'healthcheck', 'health', {}).catch((error: unknown) => ({
        errors: [healthError(error)],
      }));
    }
    return this.#everybody<NodeHealth>('health', (error) => ({ errors: [healthError(error)] }));
  }

  async support(): Promise<NodeSupport | Record<string, NodeSupport>> {
    if (!this.#options.multiconnect) return this.#ask(this.#singleNode(), 'control', 'support', {});
    return this.#everybody<NodeSupport>('support', (error) => ({ errors: [healthError(error)] }));
  }

  async #everybody<T>(call: 'health' | 'support', failed: (error: unknown) => T): Promise<Record<string, T>> {
    this.#map = undefined;
    const { nodes } = await this.#current();
    const answers = await Promise.all(
      nodes.map(async (node) => {
        const answer = await this.#ask(node, call === 'health' ? 'healthcheck' : 'control', call, {}).catch(
          failed,
        );
        return [node.id, answer as T] as const;
      }),
    );
    return Object.fromEntries(answers);
  }

  async #ask<N extends CallName<NodeProtocol>>(
    node: Pick<NodeRecord, 'hostname' | 'ports'>,
    portName: NodePortName,
    call: N,
    request: CallInput<NodeProtocol, N>,
  ): Promise<CallResponse<NodeProtocol, N>> {
    const port = node.ports[NODE_PORT_NAMES.indexOf(portName)] ?? 0;
    const timeoutMs = call === 'requestCode' || call === 'verifyCode' ? 30_000 : NODE_TIMEOUT_MS;
    try {
      return await this.#pool.call({ host: node.hostname, port }, call, request, {
        signal: new AbortController().signal,
        timeoutMs,
      });
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.#map = undefined;
      throw new Refusal(
        1014,
        `Connection timed out. Please check if wacore is running: ${node.hostname}:${port}`,
      );
    }
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

/** `hash(recipient) % shards`; the real hash is not documented, so this is FNV-1a. */
export function shardOf(recipient: string, shards: number): number {
  let value = 0x811c9dc5;
  for (const character of recipient) value = Math.imul(value ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return shards === 0 ? 0 : value % shards;
}

function healthError(error: unknown) {
  if (error instanceof Refusal && error.code === 1014)
    return { code: 1014, title: 'Internal error', details: error.details };
  return {
    code: 1011,
    title: 'Service not ready',
    details: 'Wacore is not instantiated. Please check wacore log for details.',
  };
}
