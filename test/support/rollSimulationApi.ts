import { Readable } from 'node:stream';
import { type Clock, sleep } from '../../src/base/clock.ts';
import { StackUnreachable } from '../../src/client/stackError.ts';
import type {
  HttpsStackOptions,
  StackRequest,
  StackResponse,
  StackTransport,
  StreamedResponse,
} from '../../src/client/stackTransport.ts';
import { formatExpiry, TOKEN_LIFETIME_SECONDS } from '../../src/onprem/users.ts';
import { FAKE_ROUTES, type FakeAnswer, freshStack, refusal, type StackState } from './fakeStackModel.ts';
import type { SimulatedStack, StackTruth } from './rollSimulationStack.ts';

/** The fault of one call. */
export interface ApiFault {
  readonly delayMs: number;
  readonly answerDelayMs: number;
  /** `lost`: the call never arrives; `unanswered`: the stack acts, and its answer is lost. */
  readonly outcome?: 'lost' | 'unanswered' | 'error' | 'unauthorised';
}

/** The state that the API holds, apart from its nodes. All processes see the same. */
export class StackAccounts {
  readonly state: StackState = freshStack();
  #tokens = 0;

  constructor(password: string) {
    this.state.users.admin = password;
    this.state.isRegistered = true;
  }

  logIn(authorization: string, nowMs: number): FakeAnswer {
    const [username = '', password] = Buffer.from(authorization.replace('Basic ', ''), 'base64')
      .toString()
      .split(':');
    if (this.state.users[username] !== password) return { status: 401, body: '' };
    const expires = formatExpiry(nowMs / 1000 + TOKEN_LIFETIME_SECONDS);
    return json({ users: [{ token: `token-${++this.#tokens}`, expires_after: expires }] });
  }
}

export interface RollApiOptions {
  readonly clock: Clock;
  readonly stack: SimulatedStack;
  readonly accounts: StackAccounts;
  readonly fault: () => ApiFault;
  /** Resolves when the calling process runs. */
  readonly arrival: () => Promise<void>;
  /** Called with what was true when the health that has just arrived was read. */
  readonly onHealth: (truth: StackTruth) => void;
  /** The last revision of the resource that the calling process has seen. */
  readonly knownStacks: () => number;
  /** Called before the number of shards changes, with the revision that the process had seen when it sent the call. */
  readonly onReshard: (shards: number, knownStacks: number) => void;
}

/** The wire from one process to the API of the simulated stack. */
export class RollApi implements StackTransport {
  readonly #options: RollApiOptions;
  readonly #fence: HttpsStackOptions['fence'];

  constructor(options: RollApiOptions, { fence }: HttpsStackOptions) {
    this.#options = options;
    this.#fence = fence;
  }

  async request(request: StackRequest, signal: AbortSignal): Promise<StackResponse> {
    const { status, body } = await this.#call(request, signal);
    return { status, body: body.toString() };
  }

  async stream(request: StackRequest, signal: AbortSignal): Promise<StreamedResponse> {
    const { status, body } = await this.#call(request, signal);
    return { status, headers: {}, content: Readable.from([Buffer.from(body)]) };
  }

  close(): void {}

  async #call(request: StackRequest, signal: AbortSignal): Promise<FakeAnswer> {
    const { stack, arrival, onHealth } = this.#options;
    let truth: StackTruth | undefined;
    try {
      const answer = await this.#send(request, signal, () => {
        truth = stack.truth;
      });
      await arrival();
      if (truth && request.path === '/v1/health' && answer.status === 200) onHealth(truth);
      return answer;
    } catch (error) {
      await arrival();
      throw error;
    }
  }

  async #send(request: StackRequest, signal: AbortSignal, onRead: () => void): Promise<FakeAnswer> {
    const { clock, stack, fault } = this.#options;
    const what = `${request.method} ${request.path}`;
    const { delayMs, answerDelayMs, outcome } = fault();
    const knownStacks = this.#options.knownStacks();
    signal.throwIfAborted();
    this.#fence?.(request);
    await sleep(clock, delayMs, signal);
    if (outcome === 'lost' || !stack.answers)
      throw new StackUnreachable(what, new Error('simulated: connection refused'));
    onRead();
    const answer = this.#answer(request, outcome, knownStacks);
    await sleep(clock, answerDelayMs, signal);
    if (outcome === 'unanswered') throw new StackUnreachable(what, new Error('simulated: timeout'));
    return answer;
  }

  #answer(
    { method, path, authorization = '', body }: StackRequest,
    outcome: ApiFault['outcome'],
    knownStacks: number,
  ): FakeAnswer {
    const { clock, stack, accounts, onReshard } = this.#options;
    const nowMs = clock.now();
    if (outcome === 'error') return { status: 500, body: '<html>not the stack</html>' };
    if (outcome === 'unauthorised' && authorization.startsWith('Bearer')) return { status: 401, body: '' };
    switch (`${method} ${path}`) {
      case 'POST /v1/users/login':
        return accounts.logIn(authorization, nowMs);
      case 'GET /v1/health':
        return json({ health: stack.health() });
      case 'GET /v1/support':
        return json({ support: stack.support() });
      case 'GET /v1/account/shards':
        return stack.hasPrimary ? json({ account: { shards: stack.shards } }) : refusal(1017);
      case 'POST /v1/account/shards': {
        const { shards } = JSON.parse(String(body)) as { shards: number };
        if (!stack.hasPrimary) return refusal(1017);
        if (shards > stack.coreapps) return refusal(1009, `shards: there are ${stack.coreapps} Coreapps`);
        if (shards !== stack.shards) onReshard(shards, knownStacks);
        stack.setShards(shards);
        return json({}, 201);
      }
    }
    const handler = FAKE_ROUTES[`${method} ${path}`];
    if (!handler) throw new Error(`the simulated stack does not know ${method} ${path}`);
    return handler({
      state: accounts.state,
      body: typeof body === 'string' ? JSON.parse(body) : undefined,
      name: '',
      nowMs,
    });
  }
}

const json = (payload: object, status = 200): FakeAnswer => ({
  status,
  body: JSON.stringify({ ...payload, meta: { api_status: 'stable', version: '2.57.1' } }),
});
