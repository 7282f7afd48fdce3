import type { z } from 'zod';
import { type CodeRequest, codeRequested, type ShardsRequest, shardsResponse } from '../onprem/account.ts';
import { type Identity, identityResponse } from '../onprem/contacts.ts';
import { healthNodes, healthResponse, type NodeHealth } from '../onprem/health.ts';
import { type MessageToSend, sendResponse } from '../onprem/messages.ts';
import { settingsResponse } from '../onprem/settings.ts';
import { type NodeSupport, supportNodes, supportResponse } from '../onprem/support.ts';
import { loginResponse, parseExpiry } from '../onprem/users.ts';
import { CodedError } from '../runtime/codedError.ts';
import { StackError } from './stackError.ts';
import type { StackRequest, StackTransport } from './stackTransport.ts';

export interface Session {
  readonly token: string;
  readonly expiresAtMs: number;
}

export type CodeOutcome =
  | { readonly outcome: 'code-sent'; readonly vname: string }
  | { readonly outcome: 'already-registered' };

/**
 * Calls of the On-Premises API. Every call may throw StackError (refused), StackUnreachable (no answer) and
 * CodedError `BadAnswer` (an answer of another shape). Nothing is retried here.
 */
export class StackClient {
  readonly #transport: StackTransport;

  constructor(transport: StackTransport) {
    this.#transport = transport;
  }

  close(): void {
    this.#transport.close();
  }

  /** `POST /v1/users/login`. With `newPassword` the password changes too, as the first login of admin demands. */
  async login(
    username: string,
    password: string,
    options: { newPassword?: string },
    signal: AbortSignal,
  ): Promise<Session> {
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    const body = JSON.stringify(
      options.newPassword === undefined ? {} : { new_password: options.newPassword },
    );
    const answer = await this.#json(
      loginResponse,
      { method: 'POST', path: '/v1/users/login', authorization: `Basic ${basic}`, body },
      signal,
    );
    const [user] = answer.users;
    if (!user) throw new CodedError('BadAnswer', 'POST /v1/users/login: no token');
    return { token: user.token, expiresAtMs: parseExpiry(user.expires_after) };
  }

  /** `GET /v1/certificates/external/ca`: PEM of the CA that signs the Webapp's certificate. */
  externalCa(session: Session, signal: AbortSignal): Promise<string> {
    return this.#text(
      { method: 'GET', path: '/v1/certificates/external/ca', authorization: bearer(session) },
      signal,
    );
  }

  /** `POST /v1/account`: asks for a registration code. Never repeat it on your own: the next may be hours away. */
  async requestCode(session: Session, request: CodeRequest, signal: AbortSignal): Promise<CodeOutcome> {
    const call: StackRequest = {
      method: 'POST',
      path: '/v1/account',
      authorization: bearer(session),
      body: JSON.stringify(request),
    };
    const { status, body } = await this.#send(call, signal);
    if (status === 201) return { outcome: 'already-registered' };
    return { outcome: 'code-sent', vname: parse(codeRequested, body, call).account[0]?.vname ?? '' };
  }

  /** `POST /v1/account/verify`: registers. */
  async verifyCode(session: Session, code: string, signal: AbortSignal): Promise<void> {
    await this.#send(
      {
        method: 'POST',
        path: '/v1/account/verify',
        authorization: bearer(session),
        body: JSON.stringify({ code }),
      },
      signal,
    );
  }

  /** `GET /v1/account/shards`. */
  async shards(session: Session, signal: AbortSignal): Promise<number> {
    const answer = await this.#json(
      shardsResponse,
      { method: 'GET', path: '/v1/account/shards', authorization: bearer(session) },
      signal,
    );
    return answer.account.shards;
  }

  /** `POST /v1/account/shards`. Messages flow meanwhile, with 1018 for a moment. */
  async setShards(session: Session, request: ShardsRequest, signal: AbortSignal): Promise<void> {
    await this.#send(
      {
        method: 'POST',
        path: '/v1/account/shards',
        authorization: bearer(session),
        body: JSON.stringify(request),
      },
      signal,
    );
  }

  /** `GET /v1/settings/application`. */
  async settings(session: Session, signal: AbortSignal): Promise<Record<string, unknown>> {
    const answer = await this.#json(
      settingsResponse,
      { method: 'GET', path: '/v1/settings/application', authorization: bearer(session) },
      signal,
    );
    return answer.settings.application;
  }

  /** `PATCH /v1/settings/application`: absent fields stay as they are. */
  async patchSettings(session: Session, patch: Record<string, unknown>, signal: AbortSignal): Promise<void> {
    await this.#send(
      {
        method: 'PATCH',
        path: '/v1/settings/application',
        authorization: bearer(session),
        body: JSON.stringify(patch),
      },
      signal,
    );
  }

  /** `GET /v1/certificates/webhooks/ca`; nothing where none is stored. */
  async webhookCa(session: Session, signal: AbortSignal): Promise<string | undefined> {
    try {
      return await this.#text(
        { method: 'GET', path: '/v1/certificates/webhooks/ca', authorization: bearer(session) },
        signal,
      );
    } catch (error) {
      if (error instanceof StackError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** `POST /v1/certificates/webhooks/ca`, or `DELETE` without a PEM. All Coreapps need a restart afterwards. */
  async setWebhookCa(session: Session, pem: string | undefined, signal: AbortSignal): Promise<void> {
    const call = { path: '/v1/certificates/webhooks/ca', authorization: bearer(session) };
    await this.#send(
      pem === undefined
        ? { ...call, method: 'DELETE' }
        : { ...call, method: 'POST', contentType: 'text/plain', body: pem },
      signal,
    );
  }

  /** `GET /v1/health` with the API key or a token: nodes by key. The only node of a single instance has the key ''. */
  async health(
    authorization: { apiKey: string } | Session,
    signal: AbortSignal,
  ): Promise<Record<string, NodeHealth>> {
    const header = 'apiKey' in authorization ? `Apikey ${authorization.apiKey}` : bearer(authorization);
    return healthNodes(
      await this.#json(healthResponse, { method: 'GET', path: '/v1/health', authorization: header }, signal),
    );
  }

  /** `GET /v1/support`: nodes by key, as in health. */
  async support(session: Session, signal: AbortSignal): Promise<Record<string, NodeSupport>> {
    return supportNodes(
      await this.#json(
        supportResponse,
        { method: 'GET', path: '/v1/support', authorization: bearer(session) },
        signal,
      ),
    );
  }

  /** `POST /v1/messages` with a text. @returns the message's id: accepted, not yet sent */
  sendText(session: Session, to: string, text: string, signal: AbortSignal): Promise<string> {
    return this.send(
      session,
      { to, type: 'text', recipient_type: 'individual', text: { body: text } },
      signal,
    );
  }

  /** `POST /v1/messages`. @returns the message's id: accepted, not yet sent */
  async send(session: Session, message: MessageToSend, signal: AbortSignal): Promise<string> {
    const answer = await this.#json(
      sendResponse,
      { method: 'POST', path: '/v1/messages', authorization: bearer(session), body: JSON.stringify(message) },
      signal,
    );
    return answer.messages[0]?.id ?? '';
  }

  /** `GET /v1/contacts/{wa_id}/identity`. */
  async identity(session: Session, waId: string, signal: AbortSignal): Promise<Identity> {
    const answer = await this.#json(
      identityResponse,
      { method: 'GET', path: identityPath(waId), authorization: bearer(session) },
      signal,
    );
    return answer.contacts;
  }

  /** `PUT /v1/contacts/{wa_id}/identity`: only then messages go to somebody whose keys changed. */
  async acknowledgeIdentity(
    session: Session,
    waId: string,
    hash: string,
    signal: AbortSignal,
  ): Promise<void> {
    const body = JSON.stringify({ hash });
    await this.#send(
      { method: 'PUT', path: identityPath(waId), authorization: bearer(session), body },
      signal,
    );
  }

  async #json<S extends z.ZodType>(
    schema: S,
    request: StackRequest,
    signal: AbortSignal,
  ): Promise<z.output<S>> {
    return parse(schema, await this.#text(request, signal), request);
  }

  async #text(request: StackRequest, signal: AbortSignal): Promise<string> {
    return (await this.#send(request, signal)).body;
  }

  async #send(request: StackRequest, signal: AbortSignal) {
    const response = await this.#transport.request(request, signal);
    if (response.status < 200 || response.status > 299) {
      throw new StackError(`${request.method} ${request.path}`, response.status, response.body);
    }
    return response;
  }
}

const identityPath = (waId: string): string => `/v1/contacts/${encodeURIComponent(waId)}/identity`;
const bearer = ({ token }: Session): string => `Bearer ${token}`;

function parse<S extends z.ZodType>(schema: S, body: string, { method, path }: StackRequest): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new CodedError('BadAnswer', `${method} ${path}: the answer is no JSON`, { retriable: true, cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CodedError(
    'BadAnswer',
    `${method} ${path}: unexpected answer at ${issue?.path.join('.')}: ${issue?.message}`,
  );
}
