import { expect } from 'vitest';
import { routes } from '../../src/stack/webapp/routes.ts';
import { type Answered, apiCall } from './apiCall.ts';
import { type ApiTarget, startApiTarget } from './apiTarget.ts';
import { startReceiver, type TestDatabase } from './emulatorStack.ts';
import { testDatabase } from './testDatabase.ts';

export const PASSWORD = 'Passw0rd!-test';
export const CUSTOMER = '16505551234';
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);
export const WEBP = Buffer.from('UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==', 'base64');

export const basic = (username: string, password: string) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
/** Status, code and details of an answer that reports an error. */
export const failure = ({ status, json }: Answered) => [
  status,
  json?.errors?.[0]?.code,
  json?.errors?.[0]?.details,
];

interface CallOptions {
  readonly auth?: string;
  readonly type?: string;
}
interface CustomerMessage {
  readonly from: string;
  readonly type: string;
  readonly content: Record<string, unknown>;
  readonly media?: { readonly type: string; readonly data: Buffer };
  readonly context?: object;
  readonly profileName?: string;
}

interface Parts {
  readonly database: TestDatabase;
  readonly receiver: Awaited<ReturnType<typeof startReceiver>>;
  readonly stack: ApiTarget;
}

/** One stack with a webhook receiver, called with a plain HTTP client. The conformance suites share it, in order. */
export class ConformanceApi {
  /** Token of the administrator, once logged in. */
  token = '';
  readonly #reached = new Set<string>();
  readonly #parts: { -readonly [Name in keyof Parts]?: Parts[Name] } = {};

  async start(): Promise<void> {
    this.#parts.database = await testDatabase();
    this.#parts.receiver = await startReceiver();
    this.#parts.stack = await startApiTarget(this.database, 'conf_');
  }

  async close(): Promise<void> {
    await this.#parts.stack?.close();
    await this.#parts.receiver?.close();
    await this.#parts.database?.close();
  }

  get database() {
    return this.#part('database');
  }
  get receiver() {
    return this.#part('receiver');
  }
  get stack() {
    return this.#part('stack');
  }

  #part<K extends keyof Parts>(name: K): Parts[K] {
    const part = this.#parts[name];
    if (!part) throw new Error(`the ${name} has not started`);
    return part;
  }

  /** Routes that no `call` has reached, such as `GET /v1/users/:username`. */
  unreached = (): string[] =>
    routes.map(({ method, path }) => `${method} ${path}`).filter((route) => !this.#reached.has(route));

  /** A call that counts as a test of its route. */
  call = (method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answered> => {
    const route = routes.find(
      (candidate) =>
        candidate.method === method &&
        new RegExp(`^${candidate.path.replace(/:[A-Za-z]+/g, '[^/]+')}$`).test(path.split('?')[0] ?? ''),
    );
    if (route) this.#reached.add(`${method} ${route.path}`);
    return this.ask(method, path, body, options);
  };

  /** A call that does not count as a test of its route. */
  ask = (
    method: string,
    path: string,
    body?: unknown,
    { auth = `Bearer ${this.token}`, type = 'application/json' }: CallOptions = {},
  ): Promise<Answered> => {
    const content =
      body === undefined || Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body);
    const headers = {
      ...(auth === '' ? {} : { authorization: auth }),
      ...(content === undefined ? {} : { 'content-type': type }),
    };
    return apiCall(this.stack.address(), { method, path, headers, body: content });
  };

  upload = async (bytes: Buffer, type: string): Promise<string> =>
    (await this.call('POST', '/v1/media', bytes, { type })).json.media[0].id;

  /** Messages of customers that the webhook has received. */
  webhooks = (type: string) =>
    this.receiver.received.flatMap(({ messages = [] }) =>
      messages.filter((message) => message.type === type),
    );

  /** A customer writes to the number. @returns the message's id */
  write = async ({ type, content, media, ...rest }: CustomerMessage): Promise<string> => {
    const { stack } = this;
    const bytes = media && { data: media.data.toString('base64'), mime_type: media.type };
    const answer = await stack.simulate('POST', `/numbers/${stack.number}/messages`, {
      ...rest,
      type,
      [type]: content,
      ...bytes,
    });
    expect(answer.status).toBe(201);
    return ((await answer.json()) as { id: string }).id;
  };

  hasPin = async (): Promise<boolean | undefined> =>
    (await this.#simulated<{ numbers: { number: string; hasPin: boolean }[] }>('/numbers')).numbers.find(
      ({ number }) => number === this.stack.number,
    )?.hasPin;

  statusInChat = async (waId: string, id: string): Promise<string | undefined> =>
    (
      await this.#simulated<{ messages: { id: string; status: string }[] }>(
        `/numbers/${this.stack.number}/chats/${waId}`,
      )
    ).messages.find((message) => message.id === id)?.status;

  async #simulated<T>(path: string): Promise<T> {
    return (await (await this.stack.simulate('GET', path)).json()) as T;
  }
}
