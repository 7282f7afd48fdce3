import { expect } from 'vitest';
import type { Session } from '../../src/client/calls.ts';
import type { StackClient } from '../../src/client/stackClient.ts';
import { knows } from '../../src/onprem/clientBehaviour.ts';
import { CLIENT_VERSION } from '../../src/onprem/clientVersion.ts';
import type { MessageToSend } from '../../src/onprem/messages.ts';
import { apiCall } from './apiCall.ts';
import {
  API_KEY,
  EmulatorStack,
  type StackOptions,
  startReceiver,
  type TestDatabase,
} from './emulatorStack.ts';
import { eventually } from './eventually.ts';

const never = new AbortController().signal;
/** Of admin. */
export const ADMIN_PASSWORD = 'Passw0rd!-test';

/** A registered single-instance stack with a receiver of callbacks and the control API of its network. */
export class Simulation {
  readonly stack: EmulatorStack;
  readonly receiver: Awaited<ReturnType<typeof startReceiver>>;
  readonly client: StackClient;
  session: Session;
  readonly controlUrl: string;
  readonly #close: () => Promise<void>;
  #people = 0;

  private constructor(
    { stack, controlUrl, close }: Awaited<ReturnType<typeof EmulatorStack.startSimulated>>,
    receiver: Simulation['receiver'],
    client: StackClient,
    session: Session,
  ) {
    this.stack = stack;
    this.receiver = receiver;
    this.controlUrl = controlUrl;
    this.#close = close;
    this.client = client;
    this.session = session;
  }

  static async start(
    database: TestDatabase,
    prefix: string,
    options: StackOptions = {},
  ): Promise<Simulation> {
    const receiver = await startReceiver();
    const simulated = await EmulatorStack.startSimulated(database, prefix, options);
    const { stack } = simulated;
    const client = stack.client();
    const session = await eventually(() =>
      client.users.login('admin', 'secret', { newPassword: ADMIN_PASSWORD }, never),
    );
    await stack.register(client, session);
    await client.certificates.setWebhookCa(session, receiver.caPem, never);
    const hasSwitches = knows(options.version ?? CLIENT_VERSION, 'statusSwitches');
    await client.settings.patchApplication(
      session,
      {
        webhooks: { url: receiver.url, ...(hasSwitches ? { message: { sent: true } } : {}) },
        callback_backoff_delay_ms: 100,
      },
      never,
    );
    const simulation = new Simulation(simulated, receiver, client, session);
    await stack.restartNodes();
    await simulation.gatewayIs('connected');
    return simulation;
  }

  /** Gets a new token, because time went by. */
  async logIn(): Promise<void> {
    this.session = await this.client.users.login('admin', ADMIN_PASSWORD, {}, never);
  }

  async close(): Promise<void> {
    await this.#close();
    await this.receiver.close();
  }

  /** A call of the control API. */
  ask(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${this.controlUrl}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  simulate = async (method: string, path: string, body?: unknown): Promise<number> =>
    (await this.ask(method, path, body)).status;

  ofNumber = (method: string, path: string, body?: unknown): Promise<number> =>
    this.simulate(method, `/numbers/${this.stack.number}/${path}`, body);

  /** Reads JSON from the control API. */
  read = async <T>(path: string): Promise<T> => (await (await this.ask('GET', path)).json()) as T;

  writes = (from: string, more: object = { text: 'Hi' }): Promise<number> =>
    this.ofNumber('POST', 'messages', { from, ...more });

  stranger = (): string => `1650558${String(this.#people++).padStart(4, '0')}`;

  /** Adds a person who has written, so that the window is open. */
  personWhoWrote = async (how: object = {}): Promise<string> => {
    const waId = this.stranger();
    expect(await this.writes(waId)).toBe(201);
    expect(await this.simulate('PUT', `/people/${waId}`, how)).toBe(204);
    return waId;
  };

  send = (message: MessageToSend): Promise<string> => this.client.messages.send(this.session, message, never);

  /** @returns the id of the media */
  upload = async (body: Buffer, type: string): Promise<string> => {
    const headers = { authorization: `Bearer ${this.session.token}`, 'content-type': type };
    return (await apiCall(this.stack.address(), { method: 'POST', path: '/v1/media', headers, body })).json
      .media[0].id;
  };

  /** Waits until the webhook received this status of a message. */
  waitForStatus = (id: string, status: string) =>
    eventually(() =>
      this.receiver.received
        .flatMap(({ statuses = [] }) => statuses)
        .find((entry) => entry.id === id && entry.status === status),
    );

  /** Waits for an incoming message at the webhook. */
  waitForMessage = (wanted: (message: Record<string, unknown>) => boolean) =>
    eventually(() => this.receiver.received.flatMap(({ messages = [] }) => messages).find(wanted));

  /** Waits until the single instance reports this gateway status. */
  gatewayIs = (status: string) =>
    eventually(
      async () => (await this.client.health.nodes({ apiKey: API_KEY }, never))['']?.gateway_status === status,
    );
}

export const template = (more: object = {}) => ({
  namespace: 'ns',
  name: 'order',
  language: { policy: 'deterministic' as const, code: 'en' },
  ...more,
});
