import { SpanKind } from '@opentelemetry/api';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { Timetable } from '../../base/timetable.ts';
import { traced } from '../../base/tracing/traced.ts';
import type { ApiErrorBody } from '../../onprem/envelope.ts';
import type { AsynchronousErrorCode } from '../../onprem/errorCatalogue.ts';
import { isTemplate } from '../../onprem/templateMessage.ts';
import { messageAttributes } from '../wire/messageAttributes.ts';
import type { Billing, NetworkEvent, NetworkProtocol } from '../wire/networkProtocol.ts';
import type { CallRequest } from '../wire/protocol.ts';
import { courseOf, graphCourseOf, SESSION_WINDOW_MS, type Step } from './behaviour.ts';
import { type Bill, Bills } from './bills.ts';
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

/** setTimeout counts in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** What could not be recorded, because the disk is full, is tried again after a delay that doubles. */
const TRY_AGAIN = { afterMs: 1_000, atMostMs: 30_000 } as const;

const NOTHING_TO_DO = Promise.resolve();

type Accepted = Writable<Extract<Entry, { type: 'accepted' }>>;
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Messages on their way to people, and what the business is told of each. */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #timetable: Timetable;
  /** Messages that are being recorded. A message that comes again meanwhile is the same one. */
  readonly #accepting = new Map<string, Promise<Billing>>();
  readonly #bills = new Bills();
  /** By number: people whose conversations are being recorded. */
  readonly #beginning = new Map<string, Set<string>>();

  #isStopped = false;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
    this.#timetable = new Timetable(options.clock);
  }

  /** Continues the deliveries of an earlier run. */
  resume(): void {
    for (const [id] of this.#options.state.outgoing) this.#deliver(id);
  }

  /** Nothing more happens to messages on their way, until `resume`. */
  pause(): void {
    this.#timetable.clear();
  }

  stop(): void {
    this.#isStopped = true;
    this.pause();
  }

  /** Resolves when the message is on disk. The same id twice is one message. `fate`: a code to fail with, or lost. */
  accept(number: string, request: Handed, fate?: AsynchronousErrorCode | 'lost'): Promise<Billing> {
    const { id } = request;
    const known = this.#accepting.get(id);
    if (known) return known;
    const accepting = this.#acceptTraced(number, request, fate);
    const over = () => void this.#accepting.delete(id);
    this.#accepting.set(id, accepting);
    accepting.then(over, over);
    return accepting;
  }

  #acceptTraced(number: string, request: Handed, fate?: AsynchronousErrorCode | 'lost'): Promise<Billing> {
    const { id, type, traceparent: parent } = request;
    const about = { parent, kind: SpanKind.SERVER, attributes: messageAttributes(id, type) };
    return traced('network take message', about, ({ traceparent }) =>
      this.#accept(number, request, traceparent, fate),
    );
  }

  async #accept(
    number: string,
    request: Handed,
    traceparent: string | undefined,
    fate?: AsynchronousErrorCode | 'lost',
  ): Promise<Billing> {
    const { state, now } = this.#options;
    const { id, type, body, media, graph } = request;
    const to = state.waIdOf(request.to);
    const { sent: billing } = this.#billing(number, to, type);
    if (state.hasSeen(id)) return billing;
    const { templates = [], catalog } = state.known(number);
    const ownFailure =
      fate === 'lost' ? undefined : (fate ?? laterFailure(templateOf(type, body), templates));
    const begins = ownFailure === undefined && this.#isCounted(number, to, type);
    const failsWith = ownFailure ?? (begins && !this.#mayBegin(number, to) ? LIMIT_REACHED : undefined);
    const problem = type === 'interactive' ? productProblem(body.interactive as never, catalog) : undefined;
    // Most messages have none of the rest. Spreads of nothing would cost as much as all of this.
    const accepted: Accepted = {
      type: 'accepted',
      id,
      number,
      to,
      messageType: type,
      acceptedAt: now(),
      body,
      media: media.map(({ type: mimeType, sha256 }) => ({ type: mimeType, sha256 })),
    };
    if (typeof body.ttl === 'number') accepted.ttlDays = body.ttl;
    if (failsWith !== undefined) accepted.failsWith = failsWith;
    if (problem?.isWarning) accepted.warning = { code: problem.code, details: problem.details };
    if (fate === 'lost') accepted.isLost = true;
    if (graph !== undefined) accepted.graph = graph;
    if (traceparent !== undefined) accepted.traceparent = traceparent;
    if (begins && failsWith === undefined) await this.#recordFirst(accepted);
    else await this.#options.record(accepted);
    this.#deliver(id);
    return billing;
  }

  /** Records a message together with the conversation that it begins. */
  async #recordFirst(accepted: Accepted): Promise<void> {
    const { record, now } = this.#options;
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

  #billing(number: string, to: string, type: string): Bill {
    const wroteAt = this.#options.state.people.get(to)?.lastWrote[number];
    const openSince = this.#isWindowOpen(number, to) ? wroteAt : undefined;
    return this.#bills.of({ number, to, type, openSince, nowMs: this.#options.now() });
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
    const steps = graph ? graphCourseOf(delivery, graph) : courseOf(delivery);
    const left =
      message.done.length === 0 ? steps : steps.filter(({ stage }) => !message.done.includes(stage));
    if (left.length === 0) this.#later(0, finish);
    else this.#takeSteps(id, acceptedAt, left, 0);
  }

  /** One step after the other, so that a step that has to be tried again delays those after it. */
  #takeSteps(id: string, acceptedAt: number, steps: readonly Step[], next: number): void {
    const step = steps[next];
    if (!step) return;
    this.#later(acceptedAt + step.afterMs - this.#options.now(), () =>
      this.#advance(id, step, next === steps.length - 1).then(() =>
        this.#takeSteps(id, acceptedAt, steps, next + 1),
      ),
    );
  }

  #advance(id: string, step: Step, isLast: boolean): Promise<void> {
    const message = this.#options.state.outgoing.get(id);
    if (!message) return NOTHING_TO_DO;
    const { stage, error } = step;
    const { number, to, messageType, traceparent: parent } = message;
    // Together, so that a status is told once, also if it has to be tried again.
    const done: Entry[] = [error ? { type: 'stage', id, stage, error } : { type: 'stage', id, stage }];
    if (isLast) done.push({ type: 'finished', id });
    if (message.graph) return this.#options.tellGraph({ ...message, id }, step, ...done);
    // Only messages of the Graph API are played.
    if (stage === 'played') return this.#options.record(...done);
    const isReceipt = stage === 'delivered' || stage === 'read';
    const errors = error ? [this.#linked(error)] : undefined;
    const billing = isReceipt ? this.#billing(number, to, messageType).later : undefined;
    const timestamp = String(Math.floor(this.#options.now() / 1000));
    const status = {
      kind: 'status' as const,
      messageId: id,
      recipient: to,
      status: stage,
      timestamp,
      ...(errors && { errors }),
      ...(billing && { billing }),
    };
    const attributes = { ...messageAttributes(id, messageType), 'waba.status': stage };
    return traced(
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
    const partMs = Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS);
    this.#timetable.after(partMs, () => {
      if (delayMs > partMs) return this.#later(delayMs - partMs, action, failures);
      attempted(action).catch((error: unknown) => {
        if (failures === 0) this.#options.logger.error('a delivery waits for the disk', { error });
        const againMs = Math.min(TRY_AGAIN.atMostMs, TRY_AGAIN.afterMs * 2 ** failures);
        this.#later(againMs, action, failures + 1);
      });
    });
  }
}

/** An action that throws at once has failed like any other: the timetable takes no errors. */
function attempted(action: () => Promise<void>): Promise<void> {
  try {
    return action();
  } catch (error) {
    return Promise.reject(error);
  }
}

const templateOf = (type: string, body: Record<string, unknown>) =>
  (isTemplate(type) ? body[type] : {}) as Parameters<typeof laterFailure>[0];
