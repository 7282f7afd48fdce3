import type { ControlCalls } from './controlCalls.ts';
import { ControlError } from './controlError.ts';

type Call = keyof ControlCalls;
type Answer<C extends Call> = ControlCalls[C]['answer'];
type Body<C extends Call> = ControlCalls[C]['body'];
type Query<C extends Call> = ControlCalls[C]['query'];

export type CallbackRecord = Answer<'GET /callbacks/{id}'>;
export type RequestRecord = Answer<'GET /requests'>['requests'][number];
export type RehearsalReport = Answer<'GET /rehearsal'>;
export type RehearsalEvent = Answer<'GET /rehearsal/events'>['events'][number];
export type InboundMessage = Body<'POST /numbers/{number}/messages'>;
export type ApiFault = Body<'POST /api-faults'>;
export type PersonChange = Body<'PUT /people/{waId}'>;

export interface EmulatorControlOptions {
  /** Of the control port; `CONTROL_DEFAULTS.url` unless given. */
  readonly url?: string | undefined;
  /** `WABA_CONTROL_TOKEN` of the emulator, if it has one. */
  readonly token?: string | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
}

export const CONTROL_DEFAULTS = {
  url: 'http://127.0.0.1:9091',
  /** How long `expectCallback` waits. */
  timeoutMs: 5_000,
} as const;

const BASE = '/control/v1';

/**
 * The control API of an emulator, for tests. Each call throws `ControlError` when the emulator refuses it, and takes a
 * signal that ends it.
 */
export class EmulatorControl {
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof globalThis.fetch;

  constructor({ url = CONTROL_DEFAULTS.url, token, fetch = globalThis.fetch }: EmulatorControlOptions = {}) {
    this.url = url.replace(/\/$/, '');
    this.#headers = {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    this.#fetch = fetch;
  }

  /** Any call of the control API. `params` fill the path. */
  async call<C extends Call>(
    call: C,
    parts: Partial<Pick<ControlCalls[C], 'params' | 'query' | 'body'>>,
    signal?: AbortSignal,
  ): Promise<Answer<C>> {
    const [method = '', path = ''] = call.split(' ');
    const { params = {}, query = {}, body } = parts;
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(String((params as Record<string, unknown>)[name])),
    );
    const search = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    ).toString();
    const url = `${this.url}${BASE}${filled}${search === '' ? '' : `?${search}`}`;
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await this.#fetch(url, {
      method,
      headers: this.#headers,
      ...sent,
      ...(signal ? { signal } : {}),
    });
    if (!answer.ok) throw await ControlError.of(call, answer);
    if (answer.status === 204) return undefined as Answer<C>;
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    return (isJson ? await answer.json() : answer) as Answer<C>;
  }

  /** Back to the state after the start; registration, PIN and clock stay. */
  async reset(signal?: AbortSignal): Promise<void> {
    await this.call('POST /reset', { body: {} }, signal);
  }

  /** Keeps the present state under a name, for `restore`. */
  async snapshot(name: string, signal?: AbortSignal): Promise<void> {
    await this.call('PUT /snapshots/{name}', { params: { name }, body: {} }, signal);
  }

  async restore(name: string, signal?: AbortSignal): Promise<void> {
    await this.call('POST /snapshots/{name}/restore', { params: { name }, body: {} }, signal);
  }

  /** Moves the time of the whole stack forward, timers included. */
  async advance(advanceMs: number, signal?: AbortSignal): Promise<void> {
    await this.call('POST /clock', { body: { advanceMs } }, signal);
  }

  /** A person writes to a number. @returns the id of the message */
  async write(number: string, message: InboundMessage, signal?: AbortSignal): Promise<string> {
    const sent = await this.call(
      'POST /numbers/{number}/messages',
      { params: { number }, body: message },
      signal,
    );
    return sent.id;
  }

  /** Names a person and sets how they behave; an absent field stays. */
  async person(waId: string, change: PersonChange, signal?: AbortSignal): Promise<void> {
    await this.call('PUT /people/{waId}', { params: { waId }, body: change }, signal);
  }

  /** Forgets a person and their chats; messages on their way get no further status. */
  async removePerson(waId: string, signal?: AbortSignal): Promise<void> {
    await this.call('DELETE /people/{waId}', { params: { waId } }, signal);
  }

  /** The latest callbacks, the oldest first. */
  async callbacks(
    query: Query<'GET /callbacks'> = {},
    signal?: AbortSignal,
  ): Promise<readonly CallbackRecord[]> {
    return (await this.call('GET /callbacks', { query }, signal)).callbacks;
  }

  /**
   * Waits for a callback whose body has these fields; lists may have more elements. Callbacks that came before count too,
   * unless `after` names the last that does not.
   * @throws ControlError 404 that tells what came instead
   */
  expectCallback(
    matching: Readonly<Record<string, unknown>>,
    more: Omit<Body<'POST /callbacks/expect'>, 'matching'> = {},
    signal?: AbortSignal,
  ): Promise<CallbackRecord> {
    const body = { timeoutMs: CONTROL_DEFAULTS.timeoutMs, ...more, matching };
    return this.call('POST /callbacks/expect', { body }, signal);
  }

  /** Posts a callback again, as a new one. */
  redeliver(id: number, signal?: AbortSignal): Promise<CallbackRecord> {
    return this.call('POST /callbacks/{id}/redeliver', { params: { id }, body: {} }, signal);
  }

  /** Records callbacks from now on. */
  async record(number: string, isOn: boolean, signal?: AbortSignal): Promise<void> {
    await this.call('PUT /numbers/{number}/recording', { params: { number }, body: { isOn } }, signal);
  }

  recording(number: string, signal?: AbortSignal): Promise<Answer<'GET /numbers/{number}/recording'>> {
    return this.call('GET /numbers/{number}/recording', { params: { number } }, signal);
  }

  /** Posts recorded callbacks to the webhook, each at its time. Resolves at the end. */
  async replay(
    number: string,
    recording: Body<'POST /numbers/{number}/replay'>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.call('POST /numbers/{number}/replay', { params: { number }, body: recording }, signal);
  }

  /** The latest calls of the API with their answers, the oldest first. */
  async requests(
    query: Query<'GET /requests'> = {},
    signal?: AbortSignal,
  ): Promise<readonly RequestRecord[]> {
    return (await this.call('GET /requests', { query }, signal)).requests;
  }

  /** What a move to the Cloud API changes, of all calls and callbacks so far. The first call begins the rehearsal. */
  rehearsal(signal?: AbortSignal): Promise<RehearsalReport> {
    return this.call('GET /rehearsal', {}, signal);
  }

  /** The latest calls and callbacks in both shapes, the oldest first. */
  async rehearsalEvents(
    query: Query<'GET /rehearsal/events'> = {},
    signal?: AbortSignal,
  ): Promise<readonly RehearsalEvent[]> {
    return (await this.call('GET /rehearsal/events', { query }, signal)).events;
  }

  /** Adds a fault of API calls. @returns its id */
  async addFault(fault: ApiFault, signal?: AbortSignal): Promise<number> {
    return (await this.call('POST /api-faults', { body: fault }, signal)).id;
  }

  async removeFault(id: number, signal?: AbortSignal): Promise<void> {
    await this.call('DELETE /api-faults/{id}', { params: { id } }, signal);
  }

  /** Ends all faults of API calls. */
  async clearFaults(signal?: AbortSignal): Promise<void> {
    await this.call('PUT /api-faults', { body: [] }, signal);
  }
}
