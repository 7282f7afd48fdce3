import { createHash } from 'node:crypto';
import { SpanKind } from '@opentelemetry/api';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { traced } from '../../base/tracing/traced.ts';
import type { ApiErrorBody } from '../../onprem/envelope.ts';
import type { AsynchronousErrorCode } from '../../onprem/errorCatalogue.ts';
import { isTemplate } from '../../onprem/templateMessage.ts';
import { messageAttributes } from '../wire/messageAttributes.ts';
import type { Billing, NetworkEvent, NetworkProtocol } from '../wire/networkProtocol.ts';
import type { CallRequest } from '../wire/protocol.ts';
import { courseOf, graphCourseOf, SESSION_WINDOW_MS, type Step } from './behaviour.ts';
import { productProblem } from './catalog.ts';
import { DEFAULT_BEHAVIOUR } from './defaultBehaviour.ts';
import type { SentByGraph } from './graphState.ts';
import { LIMIT_REACHED } from './messagingLimits.ts';
import type { Entry, Outgoing } from './networkEntries.ts';
import type { NetworkState } from './networkState.ts';
import { laterFailure } from './templates.ts';

/** A message that is handed over: by a Coreapp, or with `graph` by the Graph API. */
type Handed = CallRequest<NetworkProtocol, 'send'> & { readonly graph?: SentByGraph };

export interface DeliveriesOptions {
  readonly state: NetworkState;
  /** Resolves when all entries are on disk and applied; otherwise none is. */
  readonly record: (...entries: Entry[]) => Promise<void>;
  /** Records an event together with these entries. */
  readonly emit: (number: string, body: NetworkEvent['body'], ...together: Entry[]) => Promise<void>;
  /** The same for a message of the Graph API, and the stage that it has reached. */
  readonly tellGraph: (
    message: Outgoing & { readonly id: string },
    step: Step,
    ...together: Entry[]
  ) => Promise<void>;
  /** Whether the messaging tier limits the conversations that a number begins. */
  readonly limits: boolean;
  /** Where the pages of errors are, without the code. */
  readonly errorsUrl?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The time of the network, which tests may have moved. */
  readonly now: () => number;
}

const REMEMBERED_IDS = 10_000;
/** setTimeout counts in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** What could not be recorded, because the disk is full, is tried again after a delay that doubles. */
const TRY_AGAIN = { afterMs: 1_000, atMostMs: 30_000 } as const;

/** Messages on their way to people, and what the business is told of each. */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #timers = new Set<() => void>();
  /** Messages that are being recorded. A message that comes again meanwhile is the same one. */
  readonly #accepting = new Map<string, Promise<Billing>>();
  /** Ids of conversations, because each status of each message names one. */
  readonly #conversations = new Map<string, string>();
  /** By number: people whose conversations are being recorded. */
  readonly #beginning = new Map<string, Set<string>>();

  #isStopped = false;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Continues the deliveries of an earlier run. */
  resume(): void {
    for (const [id] of this.#options.state.outgoing) this.#deliver(id);
  }

  /** Nothing more happens to messages on their way, until `resume`. */
  pause(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  stop(): void {
    this.#isStopped = true;
    this.pause();
  }

  /** Resolves when the message is on disk. The same id twice is one message. `fate`: a code to fail with, or lost. */
  accept(number: string, request: Handed, fate?: AsynchronousErrorCode | 'lost'): Promise<Billing> {
    const { id } = request;
    const accepting =
      this.#accepting.get(id) ??
      this.#acceptTraced(number, request, fate).finally(() => void this.#accepting.delete(id));
    this.#accepting.set(id, accepting);
    return accepting;
  }

  #acceptTraced(number: string, request: Handed, fate?: AsynchronousErrorCode | 'lost'): Promise<Billing> {
    const { id, type, traceparent: parent } = request;
    const about = { parent, kind: SpanKind.SERVER, attributes: messageAttributes(id, type) };
    return traced('network take message', about, ({ traceparent }) =>
      this.#accept(number, { ...request, traceparent }, fate),
    );
  }

  async #accept(number: string, request: Handed, fate?: AsynchronousErrorCode | 'lost'): Promise<Billing> {
    const { state, now } = this.#options;
    const { id, type, body, media, traceparent, graph } = request;
    const to = state.waIdOf(request.to);
    const billing = this.#billing(number, to, type);
    if (state.hasSeen(id)) return billing;
    const { templates = [], catalog } = state.known(number);
    const ownFailure =
      fate === 'lost' ? undefined : (fate ?? laterFailure(templateOf(type, body), templates));
    const begins = ownFailure === undefined && this.#isCounted(number, to, type);
    const failsWith = ownFailure ?? (begins && !this.#mayBegin(number, to) ? LIMIT_REACHED : undefined);
    const problem = type === 'interactive' ? productProblem(body.interactive as never, catalog) : undefined;
    const accepted: Entry = {
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
      ...(graph === undefined ? {} : { graph }),
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    await this.#record(accepted, begins && failsWith === undefined);
    this.#deliver(id);
    return billing;
  }

  async #record(accepted: Extract<Entry, { type: 'accepted' }>, begins: boolean): Promise<void> {
    const { record, now } = this.#options;
    if (!begins) return record(accepted);
    const { number, to: waId } = accepted;
    const beginning = this.#beginning.get(number) ?? new Set();
    this.#beginning.set(number, beginning.add(waId));
    try {
      await record({ type: 'conversation', number, waId, at: now() }, accepted);
    } finally {
      beginning.delete(waId);
    }
  }

  #isWindowOpen(number: string, to: string): boolean {
    const wroteAt = this.#options.state.people.get(to)?.lastWrote[number];
    return wroteAt !== undefined && this.#options.now() - wroteAt <= SESSION_WINDOW_MS;
  }

  /** Whether a message begins a conversation that counts against the tier. */
  #isCounted(number: string, to: string, type: string): boolean {
    return this.#options.limits && isTemplate(type) && !this.#isWindowOpen(number, to);
  }

  #mayBegin(number: string, to: string): boolean {
    const { state, now } = this.#options;
    return state.begun(number).mayBegin(to, state.limits(number), now(), this.#beginning.get(number));
  }

  /** Messages of 24 hours are one conversation; one that the business begins has another price. */
  #billing(number: string, to: string, type: string): Billing {
    const windowStart = this.#options.state.people.get(to)?.lastWrote[number];
    const isOpen = windowStart !== undefined && this.#isWindowOpen(number, to);
    const category = isOpen || !isTemplate(type) ? 'service' : 'utility';
    const begun = isOpen
      ? windowStart
      : Math.floor(this.#options.now() / SESSION_WINDOW_MS) * SESSION_WINDOW_MS;
    const id = this.#conversationId(`${number}/${to}/${category}/${begun}`);
    const expires = Math.floor((begun + SESSION_WINDOW_MS) / 1000);
    return {
      conversation: { id, expiration_timestamp: expires, origin: { type: category } },
      pricing: { pricing_model: 'CBP', billable: true, category },
    };
  }

  #conversationId(conversation: string): string {
    const known = this.#conversations.get(conversation);
    if (known !== undefined) return known;
    const id = createHash('sha256').update(conversation).digest('hex').slice(0, 32);
    if (this.#conversations.size >= REMEMBERED_IDS) this.#conversations.clear();
    this.#conversations.set(conversation, id);
    return id;
  }

  /** Schedules the stages of a message that are still to come. */
  #deliver(id: string): void {
    const message = this.#options.state.outgoing.get(id);
    if (!message) return;
    const { number, to, messageType: type, acceptedAt, ttlDays, failsWith, warning, isLost, graph } = message;
    const finish = () => this.#options.record({ type: 'finished', id });
    if (isLost) {
      this.#later(0, finish);
      return;
    }
    const person = this.#options.state.people.get(to);
    const silentMs = acceptedAt - (person?.lastWrote[number] ?? Number.NEGATIVE_INFINITY);
    const how = {
      ...DEFAULT_BEHAVIOUR,
      ...person?.behaviour,
      ...(failsWith === undefined ? {} : { failsWith }),
    };
    const delivery = { type, behaviour: how, silentMs, ttlDays, warning };
    const course = graph ? graphCourseOf(delivery, graph) : courseOf(delivery);
    const steps = course.filter(({ stage }) => !message.done.includes(stage));
    if (steps.length === 0) this.#later(0, finish);
    else this.#takeSteps(id, acceptedAt, steps);
  }

  /** One step after the other, so that a step that has to be tried again delays those after it. */
  #takeSteps(id: string, acceptedAt: number, [step, ...more]: readonly Step[]): void {
    if (!step) return;
    this.#later(Math.max(0, acceptedAt + step.afterMs - this.#options.now()), async () => {
      await this.#advance(id, step, more.length === 0);
      this.#takeSteps(id, acceptedAt, more);
    });
  }

  async #advance(id: string, step: Step, isLast: boolean): Promise<void> {
    const message = this.#options.state.outgoing.get(id);
    if (!message) return;
    const { stage, error } = step;
    const { number, to, messageType, traceparent: parent } = message;
    // Together, so that a status is told once, also if it has to be tried again.
    const done: Entry[] = [{ type: 'stage', id, stage, ...(error ? { error } : {}) }];
    if (isLast) done.push({ type: 'finished', id });
    if (message.graph) return this.#options.tellGraph({ ...message, id }, step, ...done);
    // Only messages of the Graph API are played.
    if (stage === 'played') return this.#options.record(...done);
    const { conversation, pricing } = this.#billing(number, to, messageType);
    const { expiration_timestamp: _, ...ongoing } = conversation;
    const status = {
      kind: 'status' as const,
      messageId: id,
      recipient: to,
      status: stage,
      timestamp: String(Math.floor(this.#options.now() / 1000)),
      ...(error ? { errors: [this.#linked(error)] } : {}),
      ...(stage === 'delivered' || stage === 'read' ? { billing: { conversation: ongoing, pricing } } : {}),
    };
    const attributes = { ...messageAttributes(id, messageType), 'waba.status': stage };
    await traced(
      'network report status',
      { parent, kind: SpanKind.PRODUCER, attributes },
      ({ traceparent }) =>
        this.#options.emit(number, traceparent === undefined ? status : { ...status, traceparent }, ...done),
    );
  }

  #linked(error: ApiErrorBody): ApiErrorBody {
    const { errorsUrl } = this.#options;
    return errorsUrl === undefined ? error : { ...error, href: `${errorsUrl}/${error.code}` };
  }

  /** Does this after a delay, and again until it succeeds. */
  #later(delayMs: number, action: () => Promise<void>, failures = 0): void {
    if (this.#isStopped) return;
    // A timer can't run longer, so a long ttl is waited for in parts.
    const partMs = Math.min(delayMs, LONGEST_TIMER_MS);
    const cancel = this.#options.clock.after(partMs, () => {
      this.#timers.delete(cancel);
      if (delayMs > partMs) return this.#later(delayMs - partMs, action, failures);
      action().catch((error: unknown) => {
        if (failures === 0) this.#options.logger.error('a delivery waits for the disk', { error });
        const againMs = Math.min(TRY_AGAIN.atMostMs, TRY_AGAIN.afterMs * 2 ** failures);
        this.#later(againMs, action, failures + 1);
      });
    });
    this.#timers.add(cancel);
  }
}

const templateOf = (type: string, body: Record<string, unknown>) =>
  (isTemplate(type) ? body[type] : {}) as Parameters<typeof laterFailure>[0];
