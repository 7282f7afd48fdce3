import { Agent, type AgentOptions } from 'node:https';
import { HttpsProxyAgent } from 'hpagent';
import { getProxyForUrl } from 'proxy-from-env';
import type { Credentials, Identity } from './credentials.ts';

/**
 * Connection pools to one API server. Requests share a bounded pool that is kept alive; each watch has a connection
 * of its own, so that many watches never starve the requests. HTTP/1.1: docs/decisions/0006-the-wire-is-http-1.md.
 */
export class Connections {
  readonly #credentials: Credentials;
  readonly #maxSockets: number;
  #pools: { readonly revision: string; readonly requests: Agent; readonly streams: Agent } | undefined;

  constructor(credentials: Credentials, maxSockets: number) {
    this.#credentials = credentials;
    this.#maxSockets = maxSockets;
  }

  /** The pool of this identity. Open streams keep the connection that they have. */
  agent(identity: Identity, use: 'request' | 'stream'): Agent {
    if (this.#pools?.revision !== identity.revision) {
      this.#dropIdle();
      const { tls } = identity;
      this.#pools = {
        revision: identity.revision,
        requests: this.#make({ ...tls, keepAlive: true, maxSockets: this.#maxSockets, scheduling: 'lifo' }),
        streams: this.#make({ ...tls, keepAlive: false }),
      };
    }
    return use === 'request' ? this.#pools.requests : this.#pools.streams;
  }

  /** Requests under way run to their end. */
  #dropIdle(): void {
    for (const sockets of Object.values(this.#pools?.requests.freeSockets ?? {}))
      for (const socket of sockets ?? []) socket.destroy();
  }

  close(): void {
    this.#pools?.requests.destroy();
    this.#pools?.streams.destroy();
    this.#pools = undefined;
  }

  #make(options: AgentOptions): Agent {
    const { server, proxyUrl } = this.#credentials;
    // Reads HTTPS_PROXY and NO_PROXY, with the spellings and patterns of curl.
    const proxy = proxyUrl || getProxyForUrl(server);
    return proxy ? new HttpsProxyAgent({ ...options, proxy }) : new Agent(options);
  }
}
