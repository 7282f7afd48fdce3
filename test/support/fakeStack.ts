import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { VirtualClock } from '../../src/base/virtualClock.ts';
import { StackUnreachable } from '../../src/client/stackError.ts';
import type {
  StackRequest,
  StackResponse,
  StackTransport,
  StreamedResponse,
} from '../../src/client/stackTransport.ts';
import { DEFAULT_ADMIN, formatExpiry, TOKEN_LIFETIME_SECONDS } from '../../src/onprem/users.ts';
import type { ApiObservation } from '../../src/operator/plan/facts/observed.ts';
import { FAKE_ROUTES, type FakeAnswer, freshStack, refusal, type StackState } from './fakeStackModel.ts';

/** The fault of one call. `lose`: no answer, before or after the stack has acted, or no
 * connection. */
export type FakeFault =
  | {
      readonly refuse: number;
      readonly details?: string;
      /** The stack does what it refuses: the error came afterwards. */
      readonly act?: boolean;
    }
  | { readonly status: number }
  | { readonly lose: 'before' | 'after' | 'unsent' };

/** How long a call without an answer takes to fail. */
const NO_ANSWER_MS = 15_000;
/** Calls for which a token is valid, instead of seven days, so that the session code always meets a 401. */
const CALLS_OF_A_TOKEN = 3;

/**
 * A stack in memory behind the client's transport, stricter than a real one: tokens expire early, reads can lag, and calls
 * can be refused or lost, before or after they take effect.
 */
export class FakeStack implements StackTransport {
  readonly #clock: VirtualClock;
  readonly #faults = new Map<string, FakeFault[]>();
  readonly #tokens = new Map<string, { callsLeft: number; expiresAtMs: number }>();
  /** States with the time since which each applies; the last is the present one. */
  readonly #history: { readonly sinceMs: number; readonly state: StackState }[];
  #calls: { readonly call: string; readonly body: unknown }[] = [];
  /** Reads return the state of this long ago. */
  lagMs = 0;
  logins = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
    this.#history = [{ sinceMs: clock.now(), state: freshStack() }];
  }

  /** The present state. Tests may change it, like another client. */
  get state(): StackState {
    return this.#stateOf(Number.POSITIVE_INFINITY);
  }

  /** The next call of this method and path meets the fault; several queue up. */
  failNext(call: string, fault: FakeFault): void {
    this.#faults.set(call, [...(this.#faults.get(call) ?? []), fault]);
  }

  /** Authorised calls since the last take, without logins; writes with their bodies. */
  takeCalls(): (string | readonly [call: string, body: unknown])[] {
    const taken = this.#calls;
    this.#calls = [];
    return taken.map(({ call, body }) => (call.startsWith('GET ') ? call : ([call, body] as const)));
  }

  /** Authorised writes since the last take. */
  takeWrites(): (readonly [call: string, body: unknown])[] {
    return this.takeCalls().filter((taken) => typeof taken !== 'string');
  }

  /** Health, support and the shard count, subject to the lag. */
  observation(): ApiObservation {
    const { isRegistered, coreapps, shards } = this.#stateOf(this.#clock.now() - this.lagMs);
    const each = <T>(of: (index: number) => T): Record<string, T> =>
      Object.fromEntries(
        Array.from({ length: coreapps }, (_, index) => [`shop-coreapp-${index}-0`, of(index)]),
      );
    const owns = (index: number) => isRegistered && index < shards;
    return {
      atMs: this.#clock.now(),
      podsSeen: '',
      health: each((index) => ({
        role: 'coreapp',
        gateway_status: owns(index) ? 'connected' : isRegistered ? 'disconnected' : 'unregistered',
      })),
      support: each((index) => ({ shards: owns(index) ? [[index, index]] : [] })),
      shards,
    };
  }

  async request(request: StackRequest, signal: AbortSignal): Promise<StackResponse> {
    const { status, body } = await this.#answer(request, signal);
    return { status, body: body.toString() };
  }

  async stream(request: StackRequest, signal: AbortSignal): Promise<StreamedResponse> {
    const { status, body } = await this.#answer(request, signal);
    return { status, headers: {}, content: Readable.from([Buffer.from(body)]) };
  }

  close(): void {}

  async #answer(request: StackRequest, signal: AbortSignal): Promise<FakeAnswer> {
    signal.throwIfAborted();
    const call = `${request.method} ${request.path}`;
    const body = await bodyOf(request);
    if (call === 'POST /v1/users/login') return this.#logIn(request.authorization ?? '', body);
    const read = this.#observed(call);
    // Health is read with the API key.
    if (read && call === 'GET /v1/health') return read;
    if (!this.#isAuthorised(request.authorization ?? '')) return { status: 401, body: '' };
    this.#calls.push({ call, body });
    const fault = this.#faults.get(call)?.shift();
    if (fault && 'refuse' in fault) {
      if (fault.act) this.#act(request, body);
      return refusal(fault.refuse, fault.details);
    }
    if (fault && 'status' in fault) return { status: fault.status, body: '<html>not the stack</html>' };
    if (fault?.lose === 'unsent')
      throw new StackUnreachable(call, new Error('connect ECONNREFUSED'), { mayHaveArrived: false });
    if (fault?.lose === 'before') return this.#lose(call);
    const answer = read ?? this.#act(request, body);
    return fault ? this.#lose(call) : answer;
  }

  /** The calls behind `observation`, with nodes under the keys that the API gives them. */
  #observed(call: string): FakeAnswer | undefined {
    const { health, support, shards } = this.observation();
    const keyed = (nodes: object) =>
      Object.fromEntries(Object.entries(nodes).map(([pod, node]) => [`10.0.0.1:${pod}`, node]));
    const answers: Readonly<Record<string, object>> = {
      'GET /v1/health': { health: keyed(health) },
      'GET /v1/support': { support: keyed(support) },
      'GET /v1/account/shards': { account: { shards } },
    };
    const body = answers[call];
    return body && { status: 200, body: JSON.stringify(body) };
  }

  #act({ method, path }: StackRequest, body: unknown): FakeAnswer {
    const last = path.lastIndexOf('/');
    const handler = FAKE_ROUTES[`${method} ${path}`] ?? FAKE_ROUTES[`${method} ${path.slice(0, last)}/:name`];
    if (!handler) throw new Error(`the fake stack does not know ${method} ${path}`);
    const nowMs = this.#clock.now();
    const name = decodeURIComponent(path.slice(last + 1));
    if (method === 'GET') return handler({ state: this.#stateOf(nowMs - this.lagMs), body, name, nowMs });
    const state = structuredClone(this.state);
    const answer = handler({ state, body, name, nowMs });
    this.#history.push({ sinceMs: nowMs, state });
    return answer;
  }

  async #lose(call: string): Promise<never> {
    await this.#clock.advance(NO_ANSWER_MS);
    throw new StackUnreachable(call, new Error('timeout'));
  }

  #logIn(authorization: string, body: unknown): FakeAnswer {
    const [username = '', password] = Buffer.from(authorization.replace('Basic ', ''), 'base64')
      .toString()
      .split(':');
    const { state } = this;
    const { new_password: wanted } = body as { new_password?: string };
    if (state.users[username] !== password) return { status: 401, body: '' };
    if (wanted === undefined && password === DEFAULT_ADMIN.password) return refusal(1024);
    if (wanted !== undefined) state.users[username] = wanted;
    this.logins += 1;
    const token = `token-${this.logins}`;
    const expiresAtMs = this.#clock.now() + TOKEN_LIFETIME_SECONDS * 1000;
    this.#tokens.set(token, { callsLeft: CALLS_OF_A_TOKEN, expiresAtMs });
    const user = { token, expires_after: formatExpiry(expiresAtMs / 1000) };
    return { status: 200, body: JSON.stringify({ users: [user] }) };
  }

  #isAuthorised(authorization: string): boolean {
    const token = this.#tokens.get(authorization.replace('Bearer ', ''));
    if (!token || token.expiresAtMs <= this.#clock.now() || token.callsLeft === 0) return false;
    token.callsLeft -= 1;
    return true;
  }

  /** The state at a time; the oldest for anything before. */
  #stateOf(atMs: number): StackState {
    const found = this.#history.findLast(({ sinceMs }) => sinceMs <= atMs) ?? this.#history[0];
    if (!found) throw new Error('the fake stack has no state');
    return found.state;
  }
}

async function bodyOf({ body, contentType = 'application/json' }: StackRequest): Promise<unknown> {
  if (body === undefined) return undefined;
  if (typeof body !== 'string') return buffer(Readable.from(body));
  return contentType === 'application/json' ? JSON.parse(body) : body;
}
