import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { KubeClient } from './client.ts';
import { EventCorrelator, type EventText, remember } from './eventCorrelator.ts';
import { type KubeObject, kinds } from './kubeObject.ts';

export interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly component: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The most events that wait to be written. Beyond it new events are dropped, because callers never wait. */
const MOST_WAITING = 1000;

/**
 * Records Kubernetes Events. It never delays or fails its caller: events are written one after the other in the
 * background, and an event that cannot be written is logged.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #correlator = new EventCorrelator();
  /** Names of the written events, by their correlation id. */
  readonly #names = new Map<string, string>();
  readonly #stop = new AbortController();
  #waiting = 0;
  #tail: Promise<void> = Promise.resolve();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  record(object: KubeObject, event: EventText): void {
    const { clock, logger } = this.#options;
    const nowMs = clock.now();
    const { uid = object.metadata.name } = object.metadata;
    const correlated = this.#correlator.correlate(uid, event, nowMs);
    if (correlated.action === 'drop' || this.#waiting >= MOST_WAITING) {
      logger.debug('event dropped', { reason: event.reason });
      return;
    }
    this.#waiting += 1;
    this.#tail = this.#tail
      .then(() => this.#write(object, { ...event, message: correlated.message }, correlated, nowMs))
      .catch((error: unknown) => logger.debug('event not recorded', { reason: event.reason, error }))
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  /** Resolves when all events so far are written. Once `signal` fires, the rest are dropped. */
  async flush(signal: AbortSignal): Promise<void> {
    const onAbort = () => this.#stop.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    await this.#tail;
    signal.removeEventListener('abort', onAbort);
  }

  async #write(
    object: KubeObject,
    event: EventText,
    correlated: { readonly id: string; readonly count?: number },
    nowMs: number,
  ): Promise<void> {
    const { client, component } = this.#options;
    const { signal } = this.#stop;
    const namespace = object.metadata.namespace ?? 'default';
    const timestamp = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z');
    const known = this.#names.get(correlated.id);
    if (known && correlated.count) {
      const change = { count: correlated.count, lastTimestamp: timestamp, message: event.message };
      await client.mergePatch(kinds.Event, { name: known, namespace, metadataOnly: true }, change, signal);
      return;
    }
    const name = `${object.metadata.name}.${randomUUID().slice(0, 8)}`;
    await client.create(
      {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace },
        involvedObject: {
          apiVersion: object.apiVersion,
          kind: object.kind,
          name: object.metadata.name,
          namespace: object.metadata.namespace,
          uid: object.metadata.uid,
        },
        ...event,
        source: { component },
        reportingComponent: component,
        reportingInstance: component,
        count: correlated.count ?? 1,
        firstTimestamp: timestamp,
        lastTimestamp: timestamp,
      },
      { fieldManager: component, metadataOnly: true },
      signal,
    );
    remember(this.#names, correlated.id, name, MOST_WAITING);
  }
}
