import { randomUUID } from 'node:crypto';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { KubeClient } from './client.ts';
import { type KubeObject, kinds } from './kubeObject.ts';

export interface EventOptions {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** The same event within this time raises a counter instead of making another object. */
const AGGREGATION_MS = 10 * 60_000;
const REMEMBERED_EVENTS = 1000;

/** Tells people what happened to an object. Best effort: an event that can't be written is logged. */
export class EventRecorder {
  readonly #options: { client: KubeClient; component: string; clock: Clock; logger: Logger };
  readonly #recent = new Map<string, { name: string; namespace: string; count: number; lastMs: number }>();

  constructor(options: { client: KubeClient; component: string; clock: Clock; logger: Logger }) {
    this.#options = options;
  }

  async record(object: KubeObject, event: EventOptions, signal: AbortSignal): Promise<void> {
    const { client, component, clock, logger } = this.#options;
    const now = clock.now();
    const timestamp = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
    const identity = [object.metadata.uid, event.type, event.reason, event.message].join('|');
    const known = this.#recent.get(identity);
    try {
      if (known && now - known.lastMs < AGGREGATION_MS) {
        known.count += 1;
        known.lastMs = now;
        await client.mergePatch(kinds.Event, known, { count: known.count, lastTimestamp: timestamp }, signal);
        return;
      }
      const namespace = object.metadata.namespace ?? 'default';
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
            namespace,
            uid: object.metadata.uid,
          },
          ...event,
          source: { component },
          reportingComponent: component,
          reportingInstance: component,
          count: 1,
          firstTimestamp: timestamp,
          lastTimestamp: timestamp,
        },
        { fieldManager: component },
        signal,
      );
      this.#remember(identity, { name, namespace, count: 1, lastMs: now });
    } catch (error) {
      logger.debug('event not recorded', { reason: event.reason, error });
    }
  }

  #remember(
    identity: string,
    entry: { name: string; namespace: string; count: number; lastMs: number },
  ): void {
    this.#recent.delete(identity);
    this.#recent.set(identity, entry);
    const oldest = this.#recent.keys().next().value;
    if (this.#recent.size > REMEMBERED_EVENTS && oldest !== undefined) this.#recent.delete(oldest);
  }
}
