import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describeError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { listen } from '../../base/ports.ts';
import { safeJson } from '../../base/safeJson.ts';
import { type GraphValue, isSigned, messageChanges } from '../../cloud/graphWebhook.ts';

export interface WebhookServerOptions {
  readonly host: string;
  readonly port: number;
  readonly phoneNumberId: string;
  /** Read for each webhook, because they change while the gateway runs. */
  readonly secrets: () => { readonly appSecret: string; readonly verifyToken: string };
  /** Resolves when the changes are on disk. */
  readonly take: (values: readonly GraphValue[]) => Promise<void>;
  readonly logger: Logger;
}

/** Where Graph posts webhooks: at the end of the path. */
export const WEBHOOK_PATH = '/webhook';
/** A webhook has up to 1,000 changes. */
const LONGEST_BODY_BYTES = 16 * 1024 * 1024;
/** A client that sends slower than this is cut off. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Receives the webhooks of the Cloud API. It answers 200 only for what is on disk; Graph repeats the others for days. */
export async function startWebhookServer(
  options: WebhookServerOptions,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    answer(request, options).then(
      ({ status, text = '' }) => end(response, status, text),
      (error: unknown) => {
        options.logger.error('a webhook could not be taken; the Cloud API posts it again', {
          error: describeError(error),
        });
        end(response, 500, '');
      },
    );
  });
  const port = await listen(server, { host: options.host, port: options.port });
  return {
    port,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly text?: string;
}

async function answer(request: IncomingMessage, options: WebhookServerOptions): Promise<Answer> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://webhook');
  if (pathname === '/healthz') return { status: 200, text: 'ok' };
  // Stacks may share a host name, so that what is before it differs.
  if (!pathname.endsWith(WEBHOOK_PATH)) return { status: 404 };
  if (request.method === 'GET') return handshake(searchParams, options);
  if (request.method !== 'POST') return { status: 405 };
  const body = await bodyOf(request);
  if (!body) return { status: 413 };
  const { logger, phoneNumberId, secrets, take } = options;
  const signature = request.headers['x-hub-signature-256'];
  if (!isSigned(body, typeof signature === 'string' ? signature : undefined, secrets().appSecret)) {
    logger.warn('a webhook without the signature of the app secret was refused');
    return { status: 401 };
  }
  let changes: ReturnType<typeof messageChanges>;
  try {
    changes = messageChanges(safeJson(body.toString('utf8')), phoneNumberId);
  } catch (error) {
    // Posted again, it would be no better.
    logger.error('a signed webhook was not understood, and is dropped', { error: describeError(error) });
    return { status: 200 };
  }
  if (changes.others > 0) logger.debug('changes of other kinds or numbers', { count: changes.others });
  await take(changes.values);
  return { status: 200 };
}

/** Graph asks once whether this is the endpoint that somebody subscribed. */
function handshake(query: URLSearchParams, { secrets, logger }: WebhookServerOptions): Answer {
  const isMine =
    query.get('hub.mode') === 'subscribe' && query.get('hub.verify_token') === secrets().verifyToken;
  if (isMine) return { status: 200, text: query.get('hub.challenge') ?? '' };
  logger.warn('a subscription with another verify token was refused');
  return { status: 403 };
}

/** Undefined for one that is too long. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= LONGEST_BODY_BYTES) chunks.push(chunk);
    else chunks.length = 0;
  }
  return bytes > LONGEST_BODY_BYTES ? undefined : Buffer.concat(chunks);
}

function end(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(text);
}
