import { request } from 'node:https';
import { isIP } from 'node:net';

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
export function apiCall(
  address: ApiAddress,
  call: {
    readonly method: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | Buffer | undefined;
  },
): Promise<Answered> {
  const { method, path, headers = {}, body } = call;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: address.host,
        port: address.port,
        ...(isIP(address.serverName) ? {} : { servername: address.serverName }),
        ca: address.caPem,
        method,
        path,
        headers,
        timeout: PATIENCE_MS,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, json: parse(bytes) });
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${path} hangs`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const PATIENCE_MS = 10_000;

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
