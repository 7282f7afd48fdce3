import { isIP } from 'node:net';
import { openHttps } from '../../src/base/openHttps.ts';
import { safeJson } from '../../src/base/safeJson.ts';

/** Address of a Webapp, with the CA and name that verify it. */
export interface ApiAddress {
  readonly host: string;
  readonly port: number;
  readonly serverName: string;
  readonly caPem: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  /** The body, if it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: each test checks its own answers
  readonly json: any;
}

/** A call of a stack's API with a plain HTTP client. Rejects if there is no answer in time. */
export async function apiCall(
  address: ApiAddress,
  call: {
    readonly method: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | Buffer | undefined;
  },
): Promise<Answered> {
  const { method, path, headers = {}, body } = call;
  const { host, port, serverName, caPem } = address;
  const name = isIP(serverName) ? {} : { servername: serverName };
  const to = { host, port, path };
  const request = { to, ...name, ca: caPem, method, headers, body, timeoutMs: PATIENCE_MS };
  const response = await openHttps(request, new AbortController().signal);
  const bytes = Buffer.concat(await response.toArray());
  const json = safeJson(bytes.toString('utf8'));
  return { status: response.statusCode ?? 0, headers: response.headers, bytes, json };
}

const PATIENCE_MS = 10_000;
