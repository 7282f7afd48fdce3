import { type Clock, sleep } from '../../base/clock.ts';
import { deepFreeze } from '../../base/deepFreeze.ts';
import { TransportError } from '../kube/apiError.ts';
import type { KubeObject } from '../kube/kubeObject.ts';
import type { KubeRequest, Transport } from '../kube/transport.ts';
import { NotSimulated } from './notSimulated.ts';
import { isWithin, refuse, type SimulatedApiServer, type StoredEvent } from './simulatedApiServer.ts';
import { matches, parseTarget, type Target } from './target.ts';

/** The fault of one request. Without any field, the request succeeds and takes no time. */
export interface Fault {
  /** Delay before the server acts. */
  readonly delayMs?: number;
  /** Delay between the server's action and its answer. */
  readonly answerDelayMs?: number;
  /** `lost`: the request never arrives; `unanswered`: the server acts but its answer is lost; an error: the server refuses. */
  readonly outcome?: 'lost' | 'unanswered' | Error;
  /** For a watch: the connection breaks after this time. */
  readonly cutAfterMs?: number;
  /** For a watch: nothing arrives after this time, while the connection stays open. */
  readonly silentAfterMs?: number;
  /** For a watch: the delay of each event. */
  readonly lagMs?: number;
}

export interface SimulatedTransportOptions {
  readonly server: SimulatedApiServer;
  readonly clock: Clock;
  readonly fault?: (request: KubeRequest) => Fault;
  /** Called right before a request leaves, as the real transport does. */
  readonly fence?: (request: KubeRequest) => void;
  /** Called around the server's action on a request, so that a test can tell whose change it sees. */
  readonly around?: (request: KubeRequest, act: () => unknown) => unknown;
  /** How a watch gets a 410. */
  readonly gone?: () => 'status' | 'event';
}

const BOOKMARK_MS = 60_000;

/** The wire to a simulated API server, under virtual time. */
export class SimulatedTransport implements Transport {
  readonly #options: SimulatedTransportOptions;

  constructor(options: SimulatedTransportOptions) {
    this.#options = options;
  }

  async request({ fence: ownFence, reader, ...request }: KubeRequest, signal: AbortSignal): Promise<unknown> {
    const { server, clock, fault, fence, around } = this.#options;
    const { delayMs = 0, answerDelayMs = 0, outcome } = fault?.(request) ?? {};
    signal.throwIfAborted();
    fence?.(request);
    ownFence?.();
    await sleep(clock, delayMs, signal);
    const what = `${request.method} ${request.path}`;
    if (outcome === 'lost') throw new TransportError(what, new Error('simulated: connection refused'));
    if (outcome instanceof Error) throw outcome;
    // A real connection carries text, so the two sides must not share objects.
    const act = () => server.handle(throughTheWire(request));
    const answer = throughTheWire(around ? around(request, act) : act());
    await sleep(clock, answerDelayMs, signal);
    if (outcome === 'unanswered') throw new TransportError(what, new Error('simulated: connection reset'));
    // A real server would answer in protobuf, which is read into frozen objects.
    return reader ? deepFreeze(answer) : answer;
  }

  async text(request: KubeRequest): Promise<string> {
    throw new NotSimulated(`text of ${request.path}`);
  }

  async *stream(request: KubeRequest, signal: AbortSignal): AsyncIterable<string> {
    const { server, clock, fault, gone } = this.#options;
    const { delayMs = 0, outcome, cutAfterMs, silentAfterMs, lagMs = 0 } = fault?.(request) ?? {};
    await sleep(clock, delayMs, signal);
    const what = `WATCH ${request.path}`;
    if (outcome instanceof Error) throw outcome;
    if (outcome !== undefined) throw new TransportError(what, new Error('simulated: connection refused'));
    const query = request.query ?? {};
    const target = parseTarget(request.path);
    const startedAt = clock.monotonic();
    const initial = query.sendInitialEvents === true;
    let revision = initial ? server.revision : Number(query.resourceVersion);
    if (Number.isNaN(revision)) throw new NotSimulated('a watch from now on');
    const expired = () =>
      refuse(410, 'Expired', { method: 'GET', path: request.path }, 'too old resource version');
    if (!initial && revision < server.compacted) {
      if (gone?.() === 'status') throw expired();
      yield line('ERROR', {
        apiVersion: 'v1',
        kind: 'Status',
        code: 410,
        reason: 'Expired',
        message: 'too old',
      });
      return;
    }
    const at = (afterMs: number | undefined) => startedAt + (afterMs ?? Number.POSITIVE_INFINITY);
    const endsAt = at(Number(query.timeoutSeconds ?? 1800) * 1000);
    const [breaksAt, silentAt] = [at(cutAfterMs), at(silentAfterMs)];
    let bookmarkAt = startedAt + BOOKMARK_MS;
    // A watch has its own queue from the start, so a slow reader loses no event when the server drops its history.
    const present = initial ? server.select(target, query) : [];
    const queue: StoredEvent[] = server.eventsAfter(target, revision);
    const unsubscribe = server.onChange((event, kind) => {
      if (kind === target.kind && event.revision > revision && isWithin(event, target.namespace))
        queue.push(event);
    });
    try {
      for (const object of present) yield line('ADDED', object);
      if (initial) yield bookmark(target, revision, { 'k8s.io/initial-events-end': 'true' });
      for (;;) {
        if (queue.length === 0) await this.#news(Math.min(endsAt, breaksAt, bookmarkAt, silentAt), signal);
        else if (lagMs > 0) await sleep(clock, lagMs, signal);
        const now = clock.monotonic();
        if (now >= breaksAt) throw new TransportError(what, new Error('simulated: connection reset'));
        // Only the reader's watchdog ends this.
        if (now >= silentAt) await this.#news(Number.POSITIVE_INFINITY, signal, true);
        if (now >= endsAt) return;
        for (const event of queue.splice(0)) {
          revision = event.revision;
          const seen = visible(event, query);
          if (seen) yield seen;
        }
        if (now < bookmarkAt) continue;
        bookmarkAt = now + BOOKMARK_MS;
        // A bookmark means that everything up to its revision has been sent.
        if (queue.length > 0 || server.revision <= revision) continue;
        revision = server.revision;
        yield bookmark(target, revision);
      }
    } finally {
      unsubscribe();
    }
  }

  close(): void {}

  /** Resolves at the server's next change, or at a time. */
  #news(untilMs: number, signal: AbortSignal, deaf = false): Promise<void> {
    const { server, clock } = this.#options;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const end = () => {
        stopListening();
        cancel();
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        end();
        reject(signal.reason);
      };
      const wake = () => {
        end();
        resolve();
      };
      const stopListening = deaf ? () => {} : server.onChange(wake);
      const cancel = Number.isFinite(untilMs)
        ? clock.after(Math.max(0, untilMs - clock.monotonic()), wake)
        : () => {};
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}

const throughTheWire = <T>(value: T): T =>
  value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T);

const line = (type: string, object: object): string => JSON.stringify({ type, object });

const bookmark = ({ kind }: Target, revision: number, annotations?: Record<string, string>): string =>
  line('BOOKMARK', {
    apiVersion: kind.kind.apiVersion,
    kind: kind.kind.kind,
    metadata: { resourceVersion: String(revision), ...(annotations ? { annotations } : {}) },
  });

/** A change as a watch with selectors sees it: leaving the selection is a deletion, entering it an addition. */
function visible(
  { type, object, previous }: StoredEvent,
  query: NonNullable<KubeRequest['query']>,
): string | undefined {
  const before = previous !== undefined && type !== 'ADDED' && matches(previous, query);
  const after = type !== 'DELETED' && matches(object, query);
  if (!before && !after) return undefined;
  if (after) return line(before ? 'MODIFIED' : 'ADDED', object);
  const last = type === 'DELETED' ? object : previous;
  const { resourceVersion } = object.metadata;
  return line('DELETED', { ...last, metadata: { ...(last as KubeObject).metadata, resourceVersion } });
}
