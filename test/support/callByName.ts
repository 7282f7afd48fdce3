import { text } from 'node:stream/consumers';
import { openHttps } from '../../src/base/openHttps.ts';
import { never } from './cluster.ts';

export interface NamedTarget {
  /** Where the server of many names listens on this machine. */
  readonly port: number;
  /** The name that the client asks for: in the handshake, in the certificate and in the header Host. */
  readonly name: string;
  readonly ca: string;
}

/** Calls a server of many names, such as a Gateway, by one of them. The path is sent as it is written. */
export async function callByName(
  { port, name, ca }: NamedTarget,
  request: { readonly method?: string; readonly path: string; readonly authorization?: string },
): Promise<{ status: number; body: string }> {
  const { method = 'GET', path, authorization } = request;
  const response = await openHttps(
    {
      to: { host: '127.0.0.1', port, path },
      method,
      servername: name,
      ca,
      headers: { host: name, ...(authorization ? { authorization } : {}) },
      timeoutMs: 15_000,
    },
    never,
  );
  return { status: response.statusCode ?? 0, body: await text(response) };
}
