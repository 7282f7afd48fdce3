import { createHmac, randomUUID } from 'node:crypto';
import type { Logger } from '../../base/logger.ts';
import type { CallbackRecord } from '../network/callbackLog.ts';
import type { FaultyChange } from '../network/graphFaults.ts';
import { type GraphCallback, type GraphChange, graphIds } from '../network/graphState.ts';
import type { Network } from '../network/network.ts';
import { escapedJson } from './escapedJson.ts';
import { webhookBody } from './webhookValues.ts';

/** Source: docs/onprem/cloud-migration.md §8. */
const BATCH = 1_000;
const RETRY = { firstMs: 1_000, longestMs: 3_600_000, forMs: 7 * 86_400_000 } as const;
/** Not found in any source. */
const LIMITS = { answerWithinMs: 10_000, postsAtOnce: 8, answerCharacters: 500 } as const;

interface Due {
  readonly change: GraphChange;
  readonly isCopy: boolean;
}

/** Changes of a number that are to be posted, and how many posts are under way. */
class Queue {
  readonly due: Due[] = [];
  /** Ids of changes that were taken from the state. */
  readonly known = new Set<number>();
  posting = 0;
  isDue = false;
}

/** Posts changes to webhooks, signed, again and again until they are taken. */
export class WebhookPoster {
  readonly #network: Network;
  readonly #appSecret: () => string;
  readonly #logger: Logger;
  readonly #call: typeof fetch;
  readonly #stop = new AbortController();
  #queues = new Map<string, Queue>();
  #cancels = new Set<() => void>();

  constructor(
    network: Network,
    { appSecret, logger, fetch: call }: { appSecret: () => string; logger: Logger; fetch: typeof fetch },
  ) {
    this.#network = network;
    this.#appSecret = appSecret;
    this.#logger = logger;
    this.#call = call;
  }

  /** Everything that waits. */
  resume(): void {
    for (const number of this.#network.state.numbers.keys()) this.announce(number);
  }

  /** What waits is forgotten. */
  clear(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels = new Set();
    this.#queues = new Map();
  }

  stop(): void {
    this.#stop.abort();
    this.clear();
  }

  /** There may be new changes of a number. */
  announce(number: string): void {
    const queue = this.#queueOf(number);
    const { changes = [] } = this.#network.state.known(number);
    // New ones are at the end.
    const known = changes.findLastIndex(({ id }) => queue.known.has(id));
    for (const change of changes.slice(known + 1)) {
      queue.known.add(change.id);
      this.#schedule(number, change);
    }
  }

  /** @returns the record of the post */
  post(number: string, body: unknown, redeliveryOf?: number): CallbackRecord {
    const [key, text] = [`again/${randomUUID()}`, escapedJson(body)];
    const { callbacks } = this.#network;
    const record = callbacks.take(number, { key, payload: text, state: 'waiting' }, redeliveryOf, 'graph');
    void this.#attempt(number, { key, text, since: this.#network.now(), ids: [] }, 0);
    return record;
  }

  #queueOf(number: string): Queue {
    const queue = this.#queues.get(number) ?? new Queue();
    this.#queues.set(number, queue);
    return queue;
  }

  /** As the faults say: now, later, several times or never. */
  #schedule(number: string, change: GraphChange): void {
    const { graphFaults, random, callbacks } = this.#network;
    const { fault } = graphFaults.webhooks.meet(faultyChange(change)) ?? {};
    if (fault?.isLost) {
      const text = escapedJson(webhookBody(this.#network, number, [change]));
      callbacks.take(
        number,
        { key: `lost/${change.id}`, payload: text, state: 'dropped' },
        undefined,
        'graph',
      );
      void this.#told(number, [change.id]);
      return;
    }
    for (let copy = 0; copy <= (fault?.repeats ?? 0); copy++) {
      const delayMs = (fault?.delayMs ?? 0) + random() * (fault?.jitterMs ?? 0);
      const due = { change, isCopy: copy > 0 };
      if (delayMs <= 0) this.#add(number, due);
      else this.#later(delayMs, () => this.#add(number, due));
    }
  }

  #add(number: string, due: Due): void {
    const queue = this.#queueOf(number);
    queue.due.push(due);
    if (queue.isDue) return;
    queue.isDue = true;
    // Changes of one turn travel together.
    setImmediate(() => {
      queue.isDue = false;
      this.#flush(number, queue);
    });
  }

  #flush(number: string, queue: Queue): void {
    while (!this.#stop.signal.aborted && queue.due.length > 0 && queue.posting < LIMITS.postsAtOnce) {
      const batch = queue.due.splice(0, BATCH);
      const changes = batch.map(({ change }) => change);
      const ids = batch.filter(({ isCopy }) => !isCopy).map(({ change }) => change.id);
      const text = escapedJson(webhookBody(this.#network, number, changes));
      queue.posting += 1;
      void this.#attempt(number, { key: randomUUID(), text, since: this.#network.now(), ids }, 0).finally(
        () => {
          queue.posting -= 1;
          this.#flush(number, queue);
        },
      );
    }
  }

  /** Resolves after this attempt; the next one comes by itself. */
  async #attempt(number: string, post: Post, failures: number): Promise<void> {
    const { callbacks, clock } = this.#network;
    const { key, text, since, ids } = post;
    const report = { key, payload: text };
    const callback = callbackOf(this.#network, number);
    if (!callback) {
      const problem = 'no webhook is subscribed: POST /{business account id}/subscribed_apps';
      const attempt = { at: this.#network.now(), url: '', durationMs: 0, problem };
      callbacks.take(number, { ...report, state: 'dropped', attempt }, undefined, 'graph');
      return this.#told(number, ids);
    }
    const startedAt = clock.monotonic();
    const at = this.#network.now();
    const answer = await this.#fetch(callback.url, text);
    if (this.#stop.signal.aborted) return;
    const attempt = {
      at,
      url: callback.url,
      durationMs: Math.round(clock.monotonic() - startedAt),
      ...answer,
    };
    if (answer.problem === undefined) {
      callbacks.take(number, { ...report, state: 'delivered', attempt }, undefined, 'graph');
      return this.#told(number, ids);
    }
    const delayMs = Math.min(RETRY.longestMs, RETRY.firstMs * 2 ** failures);
    if (this.#network.now() + delayMs - since > RETRY.forMs) {
      callbacks.take(number, { ...report, state: 'dropped', attempt }, undefined, 'graph');
      return this.#told(number, ids);
    }
    callbacks.take(number, { ...report, state: 'waiting', attempt, delayMs }, undefined, 'graph');
    this.#later(delayMs, () => void this.#attempt(number, post, failures + 1));
  }

  async #fetch(url: string, body: string): Promise<{ status?: number; problem?: string; answer?: string }> {
    const signature = createHmac('sha256', this.#appSecret()).update(body).digest('hex');
    const over = new AbortController();
    const cancel = this.#network.clock.after(LIMITS.answerWithinMs, () =>
      over.abort(new Error(`no answer within ${LIMITS.answerWithinMs / 1000} s`)),
    );
    try {
      const response = await this.#call(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'facebookexternalua',
          'x-hub-signature-256': `sha256=${signature}`,
        },
        body,
        redirect: 'manual',
        signal: over.signal,
      });
      const answer = (await response.text()).slice(0, LIMITS.answerCharacters);
      const { status } = response;
      return { status, answer, ...(status === 200 ? {} : { problem: `answered ${status}, not 200` }) };
    } catch (error) {
      const { cause, message } = error as Error & { cause?: Error };
      return { problem: cause?.message || message };
    } finally {
      cancel();
    }
  }

  async #told(number: string, ids: readonly number[]): Promise<void> {
    if (ids.length === 0) return;
    const { known } = this.#queueOf(number);
    try {
      await this.#network.record({ type: 'graph-changes-told', number, ids: [...ids] });
      for (const id of ids) known.delete(id);
    } catch (error) {
      this.#logger.warn('webhooks that were taken are still in the journal', { number, error });
    }
  }

  #later(delayMs: number, act: () => void): void {
    const cancel = this.#network.time.after(delayMs, () => {
      this.#cancels.delete(cancel);
      act();
    });
    this.#cancels.add(cancel);
  }
}

interface Post {
  readonly key: string;
  readonly text: string;
  /** Epoch ms. */
  readonly since: number;
  /** Of the changes that are told with it. */
  readonly ids: readonly number[];
}

/** Where webhooks of a number go: the number's own URL stands over that of its account, and that over the app's. */
export function callbackOf({ state }: Pick<Network, 'state'>, number: string): GraphCallback | undefined {
  const { graph } = state.known(number);
  const { businessAccountId } = graphIds(number, graph);
  const account = state.graph.accounts.get(businessAccountId) ?? { isSubscribed: true };
  if (!account.isSubscribed) return undefined;
  return graph?.callback ?? account.callback ?? state.graph.app.callback ?? undefined;
}

function faultyChange({ value }: GraphChange): FaultyChange {
  const { statuses, messages } = value as {
    statuses?: readonly { status?: string; recipient_id?: string }[];
    messages?: readonly { from?: string }[];
  };
  return {
    kind: statuses ? 'statuses' : messages ? 'messages' : undefined,
    status: statuses?.[0]?.status,
    person: statuses?.[0]?.recipient_id ?? messages?.[0]?.from,
  };
}
