import { type Clock, withDeadline } from '../../base/clock.ts';
import { describeError } from '../../base/codedError.ts';
import { safeJson } from '../../base/safeJson.ts';
import { detailsOf, type GraphError, graphError, isRetried } from '../../cloud/graphErrors.ts';
import type { GraphMessage } from '../../cloud/graphMessage.ts';
import { type GraphProfile, graphProfile, PROFILE_FIELDS } from '../../cloud/graphProfile.ts';
import type { GraphCall, GraphNumber, GraphOutcome, Probe } from './graphCall.ts';
import {
  type GraphRequest,
  type GraphResponse,
  type GraphTransport,
  RequestNotSent,
} from './graphTransport.ts';
import type { MediaForm } from './mediaForm.ts';

/** Calls of the Cloud API. Source: docs/onprem/cloud-migration.md §2, §17.2, §17.3. */

export interface GraphClientOptions {
  /** `https://graph.facebook.com` */
  readonly graphUrl: string;
  /** `v26.0` */
  readonly graphVersion: string;
  readonly phoneNumberId: string;
  /** Read for each call, because the token changes while the gateway runs. */
  readonly accessToken: () => string;
  readonly transport: GraphTransport;
  /** Hears how each call ended. */
  readonly onCall?: (call: GraphCall) => void;
  readonly clock: Clock;
}

/** Graph answered that it did not do it. */
export class GraphRefusal extends Error {
  readonly error: GraphError;

  constructor(error: GraphError) {
    super(detailsOf(error));
    this.name = 'GraphRefusal';
    this.error = error;
  }
}

/** The request did not leave this machine, so nothing has happened. */
export class GraphUnreachable extends Error {
  constructor(cause: unknown) {
    super('the Cloud API cannot be reached', { cause });
    this.name = 'GraphUnreachable';
  }
}

/** The request left, and no answer says what became of it. */
export class GraphUnknown extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'GraphUnknown';
  }
}

/** What moves a number from an On-Premises installation. */
export interface NumberBackup {
  readonly data: string;
  readonly password: string;
}

export interface SentMessage {
  readonly wamid: string;
  /** Who gets the message, as far as Graph tells. */
  readonly waId: string | undefined;
  readonly userId: string | undefined;
}

/** How long an answer may take, and the bytes of media. */
const TIMEOUT_MS = { call: 20_000, media: 60_000 } as const;

/** Redirects that a download follows. */
const MOST_REDIRECTS = 3;

const THROUGHPUT: Readonly<Record<string, number>> = { STANDARD: 80, HIGH: 1_000 };

type Answer = Readonly<Record<string, unknown>>;

interface CallContent {
  readonly json?: object;
  readonly form?: MediaForm;
  /** Of a resumable upload, from its beginning. */
  readonly bytes?: Buffer;
  readonly timeoutMs?: number;
}

export class GraphClient {
  readonly #options: GraphClientOptions;

  constructor(options: GraphClientOptions) {
    this.#options = options;
  }

  /** @throws GraphRefusal; GraphUnreachable: it was not sent; GraphUnknown: it may have been sent */
  async send(message: GraphMessage, signal: AbortSignal): Promise<SentMessage> {
    const answer = await this.call('POST', `${this.#number}/messages`, { json: message }, signal);
    const [sent] = (answer.messages ?? []) as readonly { readonly id?: unknown }[];
    const [contact] = (answer.contacts ?? []) as readonly Answer[];
    if (typeof sent?.id !== 'string') throw new GraphUnknown('the answer names no message');
    return { wamid: sent.id, waId: textOf(contact?.wa_id), userId: textOf(contact?.user_id) };
  }

  /** @throws as `send` */
  async markRead(wamid: string, signal: AbortSignal): Promise<void> {
    const json = { messaging_product: 'whatsapp', status: 'read', message_id: wamid };
    await this.call('POST', `${this.#number}/messages`, { json }, signal);
  }

  /** @returns the id of the upload, which works for 30 days. @throws as `send` */
  async upload(form: MediaForm, signal: AbortSignal): Promise<string> {
    const { id } = await this.call(
      'POST',
      `${this.#number}/media`,
      { form, timeoutMs: TIMEOUT_MS.media },
      signal,
    );
    if (typeof id !== 'string') throw new GraphUnknown('the answer names no media');
    return id;
  }

  /** The bytes of media that a person sent. @throws as `send` */
  async download(mediaId: string, signal: AbortSignal): Promise<Buffer> {
    const { url } = await this.call('GET', mediaId, {}, signal);
    if (typeof url !== 'string') throw new GraphUnknown('the answer has no URL of the media');
    return this.#within(TIMEOUT_MS.media, signal, async (inTime) => {
      const { status, body } = await this.#get(url, this.#authorization(), inTime);
      if (!isOk(status)) throw new GraphUnknown(`the URL of the media answered ${status}`);
      return body;
    });
  }

  /** What Graph knows of the number. @throws as `send` */
  async number(signal: AbortSignal): Promise<GraphNumber> {
    const fields = 'status,display_phone_number,verified_name,name_status,quality_rating,throughput';
    const answer = await this.call('GET', `${this.#number}?fields=${fields}`, { probe: 'number' }, signal);
    const { level } = (answer.throughput ?? {}) as { readonly level?: unknown };
    return {
      status: textOf(answer.status),
      nameStatus: textOf(answer.name_status),
      quality: textOf(answer.quality_rating),
      number: String(answer.display_phone_number ?? '').replace(/\D/g, ''),
      verifiedName: String(answer.verified_name ?? ''),
      throughput: THROUGHPUT[String(level)],
    };
  }

  /** @throws as `send` */
  async profile(signal: AbortSignal): Promise<GraphProfile> {
    const path = `${this.#number}/whatsapp_business_profile?fields=${PROFILE_FIELDS.join()}`;
    const { data } = await this.call('GET', path, {}, signal);
    const [profile] = Array.isArray(data) ? (data as unknown[]) : [];
    const parsed = graphProfile.safeParse(profile ?? {});
    if (!parsed.success) throw new GraphUnknown('the answer has no profile of the known shape');
    return parsed.data;
  }

  /** Changes these fields. @throws as `send` */
  async setProfile(fields: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<void> {
    const json = { messaging_product: 'whatsapp', ...fields };
    await this.call('POST', `${this.#number}/whatsapp_business_profile`, { json }, signal);
  }

  /** The profile photo, from a URL that Graph told; it needs no token. @throws GraphUnknown, GraphUnreachable */
  picture(url: string, signal: AbortSignal): Promise<{ readonly type: string; readonly bytes: Buffer }> {
    return this.#within(TIMEOUT_MS.media, signal, async (inTime) => {
      const { status, type = 'image/jpeg', body: bytes } = await this.#get(url, {}, inTime);
      if (!isOk(status)) throw new GraphUnknown(`the URL of the photo answered ${status}`);
      return { type, bytes };
    });
  }

  /** A resumable upload in one part. @returns the handle by which the profile takes the picture. @throws as `send` */
  async uploadPicture(bytes: Buffer, type: string, signal: AbortSignal): Promise<string> {
    const query = new URLSearchParams({ file_length: String(bytes.length), file_type: type });
    const { id } = await this.call('POST', `app/uploads?${query}`, {}, signal);
    if (typeof id !== 'string') throw new GraphUnknown('the answer names no upload');
    const { h } = await this.call('POST', id, { bytes, timeoutMs: TIMEOUT_MS.media }, signal);
    if (typeof h !== 'string') throw new GraphUnknown('the answer has no handle of the picture');
    return h;
  }

  /** @throws as `send` */
  async requestCode(method: 'sms' | 'voice', signal: AbortSignal): Promise<void> {
    const json = { code_method: method.toUpperCase(), language: 'en_US' };
    await this.call('POST', `${this.#number}/request_code`, { json }, signal);
  }

  /** @throws as `send` */
  async verifyCode(code: string, signal: AbortSignal): Promise<void> {
    await this.call('POST', `${this.#number}/verify_code`, { json: { code } }, signal);
  }

  /** @throws as `send` */
  async register(
    { pin, backup }: { readonly pin: string; readonly backup?: NumberBackup },
    signal: AbortSignal,
  ): Promise<void> {
    const json = { messaging_product: 'whatsapp', pin, ...(backup ? { backup } : {}) };
    await this.call('POST', `${this.#number}/register`, { json }, signal);
  }

  /** Has webhooks tell the hashes of identities. @throws as `send` */
  async tellIdentities(signal: AbortSignal): Promise<void> {
    const json = { user_identity_change: { enable_identity_key_check: true } };
    await this.call('POST', `${this.#number}/settings`, { json }, signal);
  }

  /** @throws as `send` */
  async setPin(pin: string, signal: AbortSignal): Promise<void> {
    await this.call('POST', this.#number, { json: { pin } }, signal);
  }

  /** Asks for what is subscribed, to learn whether the token sees the account. @throws as `send` */
  async probeAccount(businessAccountId: string, signal: AbortSignal): Promise<void> {
    await this.call('GET', `${businessAccountId}/subscribed_apps`, { probe: 'account' }, signal);
  }

  get #number(): string {
    return this.#options.phoneNumberId;
  }

  #authorization(): Record<string, string> {
    return { authorization: `Bearer ${this.#options.accessToken()}` };
  }

  /** For calls that are not of the number itself. @throws as `send` */
  async call(
    method: string,
    path: string,
    { probe, ...content }: CallContent & { readonly probe?: Probe },
    signal: AbortSignal,
  ): Promise<Answer> {
    const { onCall } = this.#options;
    try {
      const answer = await this.#exchange(method, path, content, signal);
      onCall?.({ probe, outcome: { kind: 'done' } });
      return answer;
    } catch (error) {
      if (!signal.aborted) onCall?.({ probe, outcome: outcomeOf(error) });
      throw error;
    }
  }

  #exchange(
    method: string,
    path: string,
    { json, form, bytes, timeoutMs = TIMEOUT_MS.call }: CallContent,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { graphUrl, graphVersion } = this.#options;
    return this.#within(timeoutMs, signal, async (inTime) => {
      const headers = {
        ...this.#authorization(),
        ...(json ? { 'content-type': 'application/json' } : {}),
        // Uploads know only this scheme.
        ...form?.headers,
        ...(bytes ? { authorization: `OAuth ${this.#options.accessToken()}`, file_offset: '0' } : {}),
      };
      const body = form?.body ?? bytes ?? (json && JSON.stringify(json));
      const url = `${graphUrl}/${graphVersion}/${path}`;
      const response = await this.#send({ method, url, headers, body }, inTime);
      return answerOf(response.status, response.body.toString('utf8'));
    });
  }

  /** @throws GraphUnknown after the deadline */
  async #within<T>(
    timeoutMs: number,
    signal: AbortSignal,
    act: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const late = () => new GraphUnknown(`no answer within ${timeoutMs / 1000} s`);
    const deadline = withDeadline(this.#options.clock, signal, timeoutMs, late);
    try {
      return await act(deadline.signal);
    } finally {
      deadline.release();
    }
  }

  /** Follows redirects, and tells the token to no other server. */
  async #get(
    url: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<GraphResponse> {
    let asked = { method: 'GET', url, headers };
    for (let redirects = 0; ; redirects++) {
      const response = await this.#send(asked, signal);
      const { status, location } = response;
      if (status < 300 || status > 399 || location === undefined || redirects === MOST_REDIRECTS)
        return response;
      const next = new URL(location, asked.url);
      const isSame = next.origin === new URL(asked.url).origin;
      asked = { method: 'GET', url: next.href, headers: isSame ? asked.headers : {} };
    }
  }

  async #send(request: GraphRequest, signal: AbortSignal): Promise<GraphResponse> {
    try {
      return await this.#options.transport(request, signal);
    } catch (error) {
      const isOver = signal.aborted && !(signal.reason instanceof GraphUnknown);
      if (isOver) throw signal.reason;
      if (error instanceof RequestNotSent) throw new GraphUnreachable(error.cause);
      // After the deadline it says how long that was.
      throw signal.aborted ? signal.reason : new GraphUnknown('the connection broke off', error);
    }
  }
}

const isOk = (status: number): boolean => status >= 200 && status <= 299;

/**
 * Only an answer of the API itself says that nothing has happened: one of 500 or of a proxy leaves it open, unless its error is
 * one with which the message may be posted again. Source: docs/onprem/cloud-migration.md §17.6.
 */
function answerOf(status: number, text: string): Answer {
  const body = safeJson(text);
  const answer = typeof body === 'object' && body !== null ? (body as Answer) : {};
  if (isOk(status)) return answer;
  const refused = graphError.safeParse(answer.error);
  if (refused.success && (status < 500 || isRetried(refused.data))) throw new GraphRefusal(refused.data);
  throw new GraphUnknown(`the Cloud API answered ${status}`);
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function outcomeOf(error: unknown): GraphOutcome {
  if (error instanceof GraphRefusal) return { kind: 'refused', error: error.error };
  const kind = error instanceof GraphUnreachable ? 'unreachable' : 'unknown';
  return { kind, detail: describeError(error) };
}
