import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { AsynchronousErrorCode } from '../../onprem/errorCatalogue.ts';
import { isTemplate } from '../../onprem/templateMessage.ts';
import type { Billing, NetworkEvent, NetworkProtocol } from '../wire/networkProtocol.ts';
import type { CallRequest } from '../wire/protocol.ts';
import { courseOf, DEFAULT_BEHAVIOUR, SESSION_WINDOW_MS, type Step } from './behaviour.ts';
import { productProblem } from './catalog.ts';
import { LIMIT_REACHED } from './messagingLimits.ts';
import type { Entry } from './networkEntries.ts';
import type { NetworkState } from './networkState.ts';
import { laterFailure } from './templates.ts';

export interface DeliveriesOptions {
  readonly state: NetworkState;
  readonly record: (entry: Entry) => Promise<void>;
  readonly emit: (number: string, body: NetworkEvent['body']) => Promise<void>;
  /** Whether the messaging tier limits the conversations that a number begins. */
  readonly limits: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The time of the network, which tests may have moved. */
  readonly now: () => number;
}

/** setTimeout counts in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Messages on their way to people, and what the business is told of each. */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #timers = new Set<() => void>();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Continues the deliveries of an earlier run. */
  resume(): void {
    for (const [id] of this.#options.state.outgoing) this.#deliver(id);
  }

  stop(): void {
    for (const cancel of this.#timers) cancel();
  }

  /** Resolves when the message is on disk. The same id twice is one message. `fate`: a code to fail with, or lost. */
  async accept(
    number: string,
    request: CallRequest<NetworkProtocol, 'send'>,
    fate?: AsynchronousErrorCode | 'lost',
  ): Promise<Billing> {
    const { state, record, now } = this.#options;
    const { id, to, type, body, media } = request;
    const billing = this.#billing(number, to, type);
    if (state.hasSeen(id)) return billing;
    const { templates = [], catalog } = state.number(number);
    const ownFailure =
      fate === 'lost' ? undefined : (fate ?? laterFailure(templateOf(type, body), templates));
    const failsWith = ownFailure ?? this.#limitReached(number, to, type);
    const problem = type === 'interactive' ? productProblem(body.interactive as never, catalog) : undefined;
    await record({
      type: 'accepted',
      id,
      number,
      to,
      messageType: type,
      acceptedAt: now(),
      ...(typeof body.ttl === 'number' ? { ttlDays: body.ttl } : {}),
      body,
      media: media.map(({ type: mimeType, sha256 }) => ({ type: mimeType, sha256 })),
      ...(failsWith === undefined ? {} : { failsWith }),
      ...(problem?.isWarning ? { warning: { code: problem.code, details: problem.details } } : {}),
      ...(fate === 'lost' ? { isLost: true } : {}),
    });
    this.#deliver(id);
    return billing;
  }

  #isWindowOpen(number: string, to: string): boolean {
    const wroteAt = this.#options.state.people.get(to)?.lastWrote[number];
    return wroteAt !== undefined && this.#options.now() - wroteAt <= SESSION_WINDOW_MS;
  }

  /** The error code for a conversation beyond the limit; a conversation within it is counted. */
  #limitReached(number: string, to: string, type: string): AsynchronousErrorCode | undefined {
    const { state, record, now, limits } = this.#options;
    if (!limits || !isTemplate(type) || this.#isWindowOpen(number, to)) return undefined;
    if (!state.begun(number).mayBegin(to, state.limits(number), now())) return LIMIT_REACHED;
    void record({ type: 'conversation', number, waId: to, at: now() });
    return undefined;
  }

  /** Messages of 24 hours are one conversation; one that the business begins has another price. */
  #billing(number: string, to: string, type: string): Billing {
    const windowStart = this.#options.state.people.get(to)?.lastWrote[number];
    const isOpen = windowStart !== undefined && this.#isWindowOpen(number, to);
    const category = isOpen || !isTemplate(type) ? 'service' : 'utility';
    const begun = isOpen
      ? windowStart
      : Math.floor(this.#options.now() / SESSION_WINDOW_MS) * SESSION_WINDOW_MS;
    const id = createHash('sha256').update(`${number}/${to}/${category}/${begun}`).digest('hex').slice(0, 32);
    const expires = Math.floor((begun + SESSION_WINDOW_MS) / 1000);
    return {
      conversation: { id, expiration_timestamp: expires, origin: { type: category } },
      pricing: { pricing_model: 'CBP', billable: true, category },
    };
  }

  /** Schedules the stages of a message that are still to come. */
  #deliver(id: string): void {
    const message = this.#options.state.outgoing.get(id);
    if (!message) return;
    const { number, to, messageType: type, acceptedAt, ttlDays, failsWith, warning, isLost } = message;
    if (isLost) return void this.#options.record({ type: 'finished', id });
    const person = this.#options.state.people.get(to);
    const silentMs = acceptedAt - (person?.lastWrote[number] ?? Number.NEGATIVE_INFINITY);
    const how = {
      ...DEFAULT_BEHAVIOUR,
      ...person?.behaviour,
      ...(failsWith === undefined ? {} : { failsWith }),
    };
    const steps = courseOf({ type, behaviour: how, silentMs, ttlDays, warning }).filter(
      ({ stage }) => !message.done.includes(stage),
    );
    const sinceMs = this.#options.now() - acceptedAt;
    steps.forEach((step, index) => {
      const isLast = index === steps.length - 1;
      this.#later(Math.max(0, step.afterMs - sinceMs), () => this.#advance(id, step, isLast));
    });
    if (steps.length === 0) void this.#options.record({ type: 'finished', id });
  }

  async #advance(id: string, { stage, error }: Step, isLast: boolean): Promise<void> {
    const message = this.#options.state.outgoing.get(id);
    if (!message) return;
    const { number, to, messageType } = message;
    const { conversation, pricing } = this.#billing(number, to, messageType);
    const { expiration_timestamp: _, ...ongoing } = conversation;
    await this.#options.emit(number, {
      kind: 'status',
      messageId: id,
      recipient: to,
      status: stage,
      timestamp: String(Math.floor(this.#options.now() / 1000)),
      ...(error ? { errors: [error] } : {}),
      ...(stage === 'delivered' || stage === 'read' ? { billing: { conversation: ongoing, pricing } } : {}),
    });
    await this.#options.record({ type: 'stage', id, stage, ...(error ? { error } : {}) });
    if (isLast) await this.#options.record({ type: 'finished', id });
  }

  #later(delayMs: number, action: () => Promise<void>): void {
    // A timer can't run longer, so a long ttl is waited for in parts.
    const partMs = Math.min(delayMs, LONGEST_TIMER_MS);
    const cancel = this.#options.clock.after(partMs, () => {
      this.#timers.delete(cancel);
      if (delayMs > partMs) return this.#later(delayMs - partMs, action);
      action().catch((error: unknown) => this.#options.logger.error('simulation failed', { error }));
    });
    this.#timers.add(cancel);
  }
}

const templateOf = (type: string, body: Record<string, unknown>) =>
  (isTemplate(type) ? body[type] : {}) as Parameters<typeof laterFailure>[0];
