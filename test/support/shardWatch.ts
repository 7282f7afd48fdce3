import { systemClock } from '../../src/base/clock.ts';
import type { Session } from '../../src/client/calls.ts';
import type { StackClient } from '../../src/client/stackClient.ts';
import type { OperatorCluster } from './operatorCluster.ts';
import { stackApi } from './stackLoad.ts';

const never = new AbortController().signal;
const PAUSE_MS = 150;

/**
 * How many shards nobody served, by asking the stack again and again what each node owns. A time without an answer counts
 * as unknown for every shard.
 */
export class ShardWatch {
  readonly #desired: number;
  readonly #stop = new AbortController();
  #unservedMs = 0;
  #unknownMs = 0;
  #worst = 0;
  #running: Promise<void> = Promise.resolve();

  private constructor(desired: number) {
    this.#desired = desired;
  }

  static async start(cluster: OperatorCluster, name: string, desired: number): Promise<ShardWatch> {
    const watch = new ShardWatch(desired);
    const { client, login } = await stackApi(cluster, name);
    const session = await login();
    watch.#running = watch.#run(client, session);
    return watch;
  }

  async stop(): Promise<{ unservedShardSeconds: number; unknownShardSeconds: number; mostUnserved: number }> {
    this.#stop.abort();
    await this.#running;
    return {
      unservedShardSeconds: Math.round(this.#unservedMs / 100) / 10,
      unknownShardSeconds: Math.round((this.#unknownMs * this.#desired) / 100) / 10,
      mostUnserved: this.#worst,
    };
  }

  async #run(client: StackClient, session: Session): Promise<void> {
    let last = systemClock.monotonic();
    while (!this.#stop.signal.aborted) {
      const served = await servedShards(client, session, this.#desired).catch(() => undefined);
      const now = systemClock.monotonic();
      if (served === undefined) this.#unknownMs += now - last;
      else {
        this.#unservedMs += (this.#desired - served) * (now - last);
        this.#worst = Math.max(this.#worst, this.#desired - served);
      }
      last = now;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    client.close();
  }
}

/** Shards with a connected owner, as `GET /v1/support` says. */
async function servedShards(client: StackClient, session: Session, desired: number): Promise<number> {
  const nodes = Object.values(await client.support.nodes(session, never));
  const connected = nodes.filter(({ role, socket_conn: state }) => role === 'coreapp' && state === 'UP');
  if (desired === 1) return Math.min(1, connected.length);
  const owned = connected.flatMap(({ shards = [] }) => shards.map(([from]) => from));
  return new Set(owned.filter((shard) => shard >= 0)).size;
}
