import type { Readable } from 'node:stream';
import type * as z from 'zod';
import { CodedError } from '../base/codedError.ts';
import { StackError } from './stackError.ts';
import type { StackRequest, StackResponse, StackTransport } from './stackTransport.ts';

/** A token of `users.login`. */
export interface Session {
  readonly token: string;
  readonly expiresAtMs: number;
}
/** The credentials of a call. Health, stats and metrics accept the API key too. */
export type Caller = Session | { readonly apiKey: string };

const bearer = (caller: Caller): string =>
  'apiKey' in caller ? `Apikey ${caller.apiKey}` : `Bearer ${caller.token}`;

export type Request = Omit<StackRequest, 'authorization' | 'body'> & {
  /** Value of a JSON body. */
  readonly json?: unknown;
  readonly body?: NonNullable<StackRequest['body']>;
};

/**
 * Sends the calls of the API nodes. Each call may throw StackError (refused), StackUnreachable (no answer: the stack may
 * have done it) and CodedError `BadAnswer` (an answer of another shape).
 */
export class Calls {
  readonly #transport: StackTransport;

  constructor(transport: StackTransport) {
    this.#transport = transport;
  }

  /** The answer, checked against `schema`. */
  async json<S extends z.ZodType>(
    schema: S,
    authorization: Caller | string,
    request: Request,
    signal: AbortSignal,
  ): Promise<z.output<S>> {
    return parse(schema, (await this.send(authorization, request, signal)).body, request);
  }

  async text(authorization: Caller | string, request: Request, signal: AbortSignal): Promise<string> {
    return (await this.send(authorization, request, signal)).body;
  }

  /** Like `text`, but undefined for 404. */
  async textIfThere(caller: Caller, request: Request, signal: AbortSignal): Promise<string | undefined> {
    try {
      return await this.text(caller, request, signal);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async send(
    authorization: Caller | string,
    { json, ...request }: Request,
    signal: AbortSignal,
  ): Promise<StackResponse> {
    const body = json === undefined ? request.body : JSON.stringify(json);
    const header = typeof authorization === 'string' ? authorization : bearer(authorization);
    const response = await this.#transport.request(
      { ...request, authorization: header, ...(body === undefined ? {} : { body }) },
      signal,
    );
    if (response.status < 200 || response.status > 299)
      throw new StackError(`${request.method} ${request.path}`, response.status, response.body);
    return response;
  }

  /** An answer as a stream; undefined for 404. The caller must read the stream to its end. */
  async stream(
    caller: Caller,
    request: Request,
    signal: AbortSignal,
  ): Promise<{ type: string; content: Readable } | undefined> {
    const { status, headers, content } = await this.#transport.stream(
      { ...request, authorization: bearer(caller) },
      signal,
    );
    if (status >= 200 && status <= 299)
      return { type: headers['content-type'] ?? 'application/octet-stream', content };
    const error = new StackError(`${request.method} ${request.path}`, status, await refusalText(content));
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The first part of a refusal, and no more: an answer without end must not fill the memory. */
async function refusalText(content: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of content) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    // Leaving the loop destroys the stream.
    if (size > LONGEST_REFUSAL_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

const LONGEST_REFUSAL_BYTES = 64 * 1024;

const isMissing = (error: unknown): boolean => error instanceof StackError && error.status === 404;

function parse<S extends z.ZodType>(
  schema: S,
  body: string,
  { method, path }: Pick<StackRequest, 'method' | 'path'>,
): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new CodedError('BadAnswer', `${method} ${path}: the answer is not JSON`, {
      retriable: true,
      cause,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CodedError(
    'BadAnswer',
    `${method} ${path}: unexpected answer at ${issue?.path.join('.')}: ${issue?.message}`,
  );
}
