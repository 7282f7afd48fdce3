import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { FREE_BYTES } from '../http/bodyBudget.ts';
import { JsonAnswer } from '../http/jsonAnswer.ts';
import { BodyCutShort, BodyTooLarge } from '../http/readBody.ts';
import type { Answer, Incoming } from '../http/route.ts';
import type { WebApp } from './app.ts';

/** Other hosts are left to the server, which may refuse them. */
const PLAIN_HOST = /^[A-Za-z0-9.-]+(?::[0-9]+)?$/;
/** Their paths name nobody, so nothing is in them. */
const NOTHING = () => '';
const NO_QUERY = () => undefined;

export interface DirectOptions {
  readonly direct: WebApp['direct'];
  /** Whether calls are served as they are, because no fault is set. */
  readonly isQuiet: () => boolean;
  /** Called at the start of a call; what it returns is called at its end. */
  readonly begin: () => (request: Incoming, answer: Answer, isCut: boolean) => void;
  /** What is sent in place of an answer. */
  readonly complete?: (answer: Answer) => Answer;
}

/**
 * Serves calls with a short JSON body and a path that is always the same without objects of the Fetch API: these cost as much as
 * all that the Webapp does with a message. Everything else is left to `serve`, and the same code makes the answers of both.
 */
export function directCalls(
  { direct, isQuiet, begin, complete = (answer) => answer }: DirectOptions,
  serve: RequestListener,
): RequestListener {
  return (incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const answer = direct.get(`${method} ${url}`);
    if (!answer || !isShort(headers) || !PLAIN_HOST.test(headers.host ?? '') || !isQuiet())
      return serve(incoming, outgoing);
    const tell = begin();
    const body = bodyOf(incoming);
    // Whoever asks for the body hears of it.
    body.catch(() => {});
    const request = new DirectRequest(incoming, outgoing);
    const read = async (largestBytes: number) => {
      const bytes = await body;
      if (bytes.length > largestBytes) throw new BodyTooLarge(largestBytes);
      return bytes;
    };
    const address = incoming.socket.remoteAddress;
    answer({ request, read, address, parameter: NOTHING, query: NO_QUERY })
      .then((answered) => {
        const made = complete(answered);
        tell(request, made, incoming.socket?.destroyed === true);
        return write(made, outgoing);
      })
      .catch((error: Error) => void outgoing.destroy(error));
  };
}

/** Whether the body says that it is short. */
function isShort(headers: IncomingMessage['headers']): boolean {
  const length = headers['content-length'];
  return length !== undefined && Number(length) <= FREE_BYTES && headers['transfer-encoding'] === undefined;
}

/** @throws BodyCutShort */
function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let more: Buffer[] | undefined;
    incoming.on('data', (chunk: Buffer) => {
      if (first === undefined) first = chunk;
      else {
        more ??= [first];
        more.push(chunk);
      }
    });
    incoming.on('end', () => resolve(more ? Buffer.concat(more) : (first ?? Buffer.alloc(0))));
    incoming.on('error', (error) => reject(new BodyCutShort(error)));
  });
}

function write(answer: Answer, outgoing: ServerResponse): Promise<void> | void {
  if (!(answer instanceof JsonAnswer)) return writeOther(answer, outgoing);
  const { status, headers, text } = answer;
  outgoing.statusCode = status;
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
  // The length comes last, as where the Fetch API makes the answer.
  outgoing.end(text);
}

async function writeOther(answer: Response, outgoing: ServerResponse): Promise<void> {
  const bytes = Buffer.from(await answer.arrayBuffer());
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers)).end(bytes);
}

/** A request as calls use it. */
class DirectRequest implements Incoming {
  readonly method: string;
  /** Its bytes are read already. */
  readonly body = null;
  readonly headers: Incoming['headers'];
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  #signal: AbortSignal | undefined;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.method = incoming.method ?? '';
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.headers = {
      get: (name) => {
        const value = incoming.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(', ') : (value ?? null);
      },
    };
  }

  get url(): string {
    const { socket, headers, url } = this.#incoming;
    return `${'encrypted' in socket ? 'https' : 'http'}://${headers.host}${url}`;
  }

  /** Fires when the client goes away before its answer. */
  get signal(): AbortSignal {
    if (this.#signal) return this.#signal;
    const controller = new AbortController();
    this.#outgoing.once('close', () => {
      if (!this.#outgoing.writableFinished) controller.abort(new Error('the client went away'));
    });
    this.#signal = controller.signal;
    return controller.signal;
  }
}
