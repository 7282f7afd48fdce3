import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { listen } from '../../src/base/ports.ts';

/** What happens to a post of a message: the answer, and whether Graph has the message. */
type GraphFate =
  | 'ok'
  /** Accepted, and the connection breaks before the answer. */
  | 'accepted-without-answer'
  /** Accepted, and the answer is 500. */
  | 'accepted-with-500'
  /** The connection breaks, and nothing happened. */
  | 'dropped'
  | { readonly code: number };

export interface GraphDoubleOptions {
  readonly phoneNumberId?: string;
  readonly businessAccountId?: string;
  readonly number?: string;
  readonly appSecret?: string;
  /** Where a public URL leads, as its name and the proxy behind it decide; by itself without it. */
  readonly route?: (url: string) => string;
  /** Called for each post of a message; `ok` without it. */
  readonly fate?: (message: PostedMessage) => GraphFate;
  /** How a status is posted: after how long, and how often. */
  readonly delivery?: () => { readonly afterMs: number; readonly times: number };
  /** Messages within any second; more are refused with 130429. */
  readonly throughput?: number;
}

const postedMessage = z
  .looseObject({
    messaging_product: z.literal('whatsapp'),
    recipient_type: z.literal('individual'),
    to: z
      .string()
      .regex(/^\+[1-9][0-9]{5,14}$/)
      .optional(),
    recipient: z
      .string()
      .regex(/^[A-Z]{2}\.[A-Za-z0-9]{1,128}$/)
      .optional(),
    type: z.string(),
    biz_opaque_callback_data: z.string().max(512),
  })
  .refine(({ to, recipient }) => (to === undefined) !== (recipient === undefined));
/** In ids of messages to people who show no number. */
const NO_PEER = '0';
export type PostedMessage = z.output<typeof postedMessage>;
const readMark = z.object({
  messaging_product: z.literal('whatsapp'),
  status: z.literal('read'),
  message_id: z.string(),
});

interface Accepted {
  readonly wamid: string;
  readonly message: PostedMessage;
}

const wamidOf = (peer: string, direction: 0x11 | 0x12): string => {
  const key = randomBytes(direction === 0x11 ? 9 : 10)
    .toString('hex')
    .toUpperCase();
  const bytes = [
    Buffer.from([0x1c, 0x18, peer.length]),
    Buffer.from(peer),
    Buffer.from([0x15, 0x02, 0x00, direction, 0x18, key.length]),
    Buffer.from(key),
    Buffer.from([0]),
  ];
  return `wamid.${Buffer.concat(bytes).toString('base64')}`;
};

/** A Cloud API in this process that is as unkind as the real one: it loses answers, and repeats and reorders webhooks. */
export class GraphDouble {
  readonly accepted: Accepted[] = [];
  readonly readMarks: string[] = [];
  readonly pins: string[] = [];
  /** Of a number that came from an On-Premises installation. */
  backup: unknown;
  isTellingIdentities = false;
  readonly profile: Record<string, unknown> = {};
  readonly #uploads = new Map<string, { readonly type: string; bytes: Buffer }>();
  readonly media = new Map<string, { readonly type: string; readonly bytes: Buffer }>();
  /** Codes of refusals, in their order. */
  readonly refusals: number[] = [];
  token = 'token-1';
  status = 'CONNECTED';
  /** That it sends; undefined: it takes any. */
  code: string | undefined;
  subscription: { readonly url: string; readonly verifyToken: string } | undefined;
  /** Answers of the webhook that were not 200. */
  webhookFailures = 0;
  url = '';
  readonly phoneNumberId: string;
  readonly businessAccountId: string;
  appSecret: string;
  readonly #options: GraphDoubleOptions;
  readonly #server: Server;
  readonly #recent: number[] = [];
  readonly #pending = new Set<Promise<void>>();
  #isClosed = false;

  private constructor(options: GraphDoubleOptions) {
    this.#options = options;
    this.phoneNumberId = options.phoneNumberId ?? '106540352242922';
    this.businessAccountId = options.businessAccountId ?? '102290129340398';
    this.appSecret = options.appSecret ?? 'app-secret';
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: { code: 1, message: String(error) } }));
      });
    });
  }

  static async start(options: GraphDoubleOptions = {}): Promise<GraphDouble> {
    const double = new GraphDouble(options);
    const port = await listen(double.#server, { host: '127.0.0.1', port: 0 });
    double.url = `http://127.0.0.1:${port}`;
    return double;
  }

  get number(): string {
    return this.#options.number ?? '16315551000';
  }

  /** A person writes; without a number if they show none. @returns the id of the message */
  async say(
    from: string | undefined,
    message: { readonly type: string; readonly [content: string]: unknown },
  ): Promise<string> {
    const id = wamidOf(from ?? NO_PEER, 0x12);
    const { name = 'Ana', userId, ...content } = message as { name?: string; userId?: string; type: string };
    const shown = <K extends string>(key: K, value: string | undefined) =>
      value === undefined ? {} : { [key]: value };
    await this.post({
      contacts: [{ profile: { name }, ...shown('wa_id', from), ...shown('user_id', userId) }],
      messages: [
        {
          ...shown('from', from),
          id,
          timestamp: timestamp(),
          ...shown('from_user_id', userId),
          ...content,
        },
      ],
    });
    return id;
  }

  /** Media of a person. @returns what a message says of it */
  keep(
    bytes: Buffer,
    type: string,
  ): { readonly id: string; readonly mime_type: string; readonly sha256: string } {
    const id = String(this.media.size + 1_000);
    this.media.set(id, { type, bytes });
    return { id, mime_type: type, sha256: createHash('sha256').update(bytes).digest('base64') };
  }

  /** Posts a change of messages until it is taken, as the vendor does. */
  async post(value: object): Promise<void> {
    const change = {
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: this.number, phone_number_id: this.phoneNumberId },
      ...value,
    };
    const entry = { id: this.businessAccountId, changes: [{ field: 'messages', value: change }] };
    const body = escaped(JSON.stringify({ object: 'whatsapp_business_account', entry: [entry] }));
    const signature = `sha256=${createHmac('sha256', this.appSecret).update(body).digest('hex')}`;
    for (let waitMs = 20; !this.#isClosed; waitMs = Math.min(waitMs * 2, 500)) {
      const { subscription } = this;
      const status = subscription
        ? await fetch(this.#route(subscription.url), {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature },
            body,
          }).then(
            (response) => response.status,
            () => 0,
          )
        : 0;
      if (status === 200) return;
      this.webhookFailures += 1;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** Resolves when all webhooks that were due are taken. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const { pathname } = new URL(request.url ?? '/', this.url);
    const json = (status: number, answer: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    };
    const refuse = (code: number, message = 'refused') => {
      this.refusals.push(code);
      json(code === 190 ? 401 : 400, { error: { code, message, type: 'OAuthException', fbtrace_id: 'x' } });
    };
    // The vendor serves pictures to everybody.
    const picture = this.media.get(pathname.match(/^\/picture\/(\w+)$/)?.[1] ?? '');
    if (picture) {
      response.writeHead(200, { 'content-type': picture.type });
      return void response.end(picture.bytes);
    }
    const isUpload = decodeURIComponent(pathname).includes('/upload:');
    if (request.headers.authorization !== `${isUpload ? 'OAuth' : 'Bearer'} ${this.token}`)
      return refuse(190, 'Invalid OAuth access token');
    const content = pathname.match(/^\/content\/(\w+)$/)?.[1];
    if (content) return void response.end(this.media.get(content)?.bytes);
    const [, version, object, call] = pathname.split('/');
    if (!/^v\d+\.\d+$/.test(version ?? '')) return refuse(2500, 'unknown path');
    const parsed: unknown =
      request.headers['content-type'] === 'application/json' ? JSON.parse(body.toString('utf8')) : undefined;
    const session = this.#uploads.get(object ?? '');
    if (session) {
      if (request.headers.file_offset !== '0') return refuse(100, 'file_offset');
      session.bytes = body;
      return json(200, { h: `handle of ${object}` });
    }
    if (object === 'app' && call === 'uploads') {
      const { searchParams } = new URL(request.url ?? '/', this.url);
      const id = `upload:${this.#uploads.size}`;
      this.#uploads.set(id, { type: String(searchParams.get('file_type')), bytes: Buffer.alloc(0) });
      return json(200, { id });
    }
    if (object === this.businessAccountId && call === 'subscribed_apps') {
      if (request.method === 'GET') return json(200, { data: [] });
      if (request.method === 'DELETE') this.subscription = undefined;
      else if (!(await this.#subscribe(parsed))) return refuse(2200, 'Callback verification failed');
      return json(200, { success: true });
    }
    const media = this.media.get(object ?? '');
    if (media && request.method === 'GET')
      return json(200, {
        messaging_product: 'whatsapp',
        url: `${this.url}/content/${object}`,
        mime_type: media.type,
        id: object,
      });
    if (object !== this.phoneNumberId) return refuse(100, 'Unsupported get request');
    switch (call) {
      case undefined:
        return request.method === 'GET' ? json(200, this.#about()) : json(200, this.#setPin(parsed));
      case 'messages':
        return this.#message(parsed, { json, refuse, cut: () => request.socket.destroy() });
      case 'media': {
        const form = await new Response(body, {
          headers: { 'content-type': String(request.headers['content-type']) },
        }).formData();
        const [file, type] = [form.get('file'), form.get('type')];
        if (!(file instanceof Blob) || typeof type !== 'string')
          return refuse(100, 'file and type are required');
        const id = String(this.media.size + 1_000);
        this.media.set(id, { type, bytes: Buffer.from(await file.arrayBuffer()) });
        return json(200, { id });
      }
      case 'whatsapp_business_profile':
        if (request.method === 'POST') this.#setProfile(parsed as Record<string, unknown>);
        return json(200, request.method === 'POST' ? { success: true } : { data: [this.profile] });
      case 'settings':
        this.isTellingIdentities = true;
        return json(200, { success: true });
      case 'request_code':
        return json(200, { success: true });
      case 'verify_code':
        if (this.code !== undefined && (parsed as { code?: unknown }).code !== this.code)
          return refuse(136025, 'Wrong code');
        return json(200, { success: true });
      case 'register':
        this.#setPin(parsed);
        this.backup = (parsed as { backup?: unknown }).backup;
        this.status = 'CONNECTED';
        return json(200, { success: true });
      default:
        return refuse(2500, `unknown call ${call}`);
    }
  }

  #about(): object {
    return {
      id: this.phoneNumberId,
      status: this.status,
      display_phone_number: `+${this.number.slice(0, 1)} ${this.number.slice(1)}`,
      verified_name: 'Shop',
      name_status: 'APPROVED',
      quality_rating: 'GREEN',
      throughput: { level: 'STANDARD' },
    };
  }

  #setProfile({
    messaging_product: _,
    profile_picture_handle: handle,
    ...fields
  }: Record<string, unknown>): void {
    Object.assign(this.profile, fields);
    if (handle === undefined) return;
    const upload = this.#uploads.get(String(handle).replace('handle of ', ''));
    if (!upload) throw new Error(`no upload ${String(handle)}`);
    const { id } = this.keep(upload.bytes, upload.type);
    this.profile.profile_picture_url = `${this.url}/picture/${id}`;
  }

  #setPin(body: unknown): object {
    this.pins.push(z.looseObject({ pin: z.string().regex(/^\d{6}$/) }).parse(body).pin);
    return { success: true };
  }

  /** The endpoint has to answer with the challenge. */
  async #subscribe(body: unknown): Promise<boolean> {
    const { override_callback_uri: url, verify_token: verifyToken } = z
      .object({ override_callback_uri: z.string(), verify_token: z.string() })
      .parse(body);
    const query = new URLSearchParams({
      'hub.mode': 'subscribe',
      'hub.challenge': 'challenge-1',
      'hub.verify_token': verifyToken,
    });
    const answer = await fetch(`${this.#route(url)}?${query}`).then(
      (response) => response.text(),
      () => '',
    );
    if (answer !== 'challenge-1') return false;
    this.subscription = { url, verifyToken };
    return true;
  }

  async #message(
    body: unknown,
    {
      json,
      refuse,
      cut,
    }: { json: (status: number, answer: object) => void; refuse: (code: number) => void; cut: () => void },
  ): Promise<void> {
    if (this.status !== 'CONNECTED') return refuse(133010);
    const mark = readMark.safeParse(body);
    if (mark.success) {
      if (!mark.data.message_id.startsWith('wamid.')) return refuse(131009);
      this.readMarks.push(mark.data.message_id);
      return json(200, { success: true });
    }
    const parsed = postedMessage.safeParse(body);
    if (!parsed.success) return refuse(100);
    const message = parsed.data;
    if (this.#isTooFast()) return refuse(130429);
    const fate = this.#options.fate?.(message) ?? 'ok';
    if (typeof fate === 'object') return refuse(fate.code);
    if (fate === 'dropped') return cut();
    const to = message.to?.slice(1);
    const wamid = wamidOf(to ?? NO_PEER, 0x11);
    this.accepted.push({ wamid, message });
    for (const status of ['sent', 'delivered']) this.#tell(wamid, message, status);
    if (fate === 'accepted-without-answer') return cut();
    if (fate === 'accepted-with-500')
      return json(500, { error: { code: 131000, message: 'Something went wrong' } });
    return json(200, {
      messaging_product: 'whatsapp',
      contacts: [to === undefined ? { input: message.recipient } : { input: message.to, wa_id: to }],
      messages: [{ id: wamid, message_status: 'accepted' }],
    });
  }

  #route(url: string): string {
    return this.#options.route?.(url) ?? url;
  }

  #isTooFast(): boolean {
    const { throughput } = this.#options;
    if (throughput === undefined) return false;
    const now = performance.now();
    while ((this.#recent[0] ?? now) <= now - 1_000) this.#recent.shift();
    if (this.#recent.length >= throughput) return true;
    this.#recent.push(now);
    return false;
  }

  #tell(wamid: string, message: PostedMessage, status: string): void {
    const { afterMs, times } = this.#options.delivery?.() ?? { afterMs: 5, times: 1 };
    const value = {
      ...(message.recipient === undefined ? {} : { contacts: [{ user_id: message.recipient }] }),
      statuses: [
        {
          id: wamid,
          status,
          timestamp: timestamp(),
          ...(message.to === undefined ? {} : { recipient_id: message.to.slice(1) }),
          biz_opaque_callback_data: message.biz_opaque_callback_data,
          pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'service' },
        },
      ],
    };
    for (let count = 0; count < times; count++) {
      const told = new Promise((resolve) => setTimeout(resolve, afterMs)).then(() => this.post(value));
      this.#pending.add(told);
      void told.finally(() => this.#pending.delete(told));
    }
  }
}

const timestamp = (): string => String(Math.floor(Date.now() / 1000));

/** The vendor writes text beyond ASCII in its own way, which a signature over a body that was written anew would not have. */
const escaped = (json: string): string =>
  json.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
