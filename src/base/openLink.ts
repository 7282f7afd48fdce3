import { type LookupAddress, lookup } from 'node:dns';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './publicAddress.ts';

/** Not found in any source. */
const MOST_REDIRECTS = 5;

export interface LinkOptions {
  /** The header `authorization`, for the host of the link itself. */
  readonly authorization?: string | undefined;
  /**
   * Hosts that links may name: `media.shop.example`, `*.shop.example`, `*`. Undefined: every host with a public address.
   * Whoever may send a message names the host, and sees the answer, so networks of our own are not for everybody.
   */
  readonly hosts?: readonly string[] | undefined;
}

/**
 * Asks for a link and follows redirects, each under the same rules. The address that was checked is the one that is
 * connected to. The caller reads or destroys the answer; `signal` ends both. @throws Error with the reason
 */
export async function openLink(
  link: string,
  { authorization, hosts }: LinkOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let url = new URL(link);
  let credentials = authorization;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const answer = await ask(url, { authorization: credentials, hosts }, signal);
    const { statusCode = 0, headers } = answer;
    if (statusCode < 300 || statusCode > 399 || headers.location === undefined) return answer;
    answer.destroy();
    const next = new URL(headers.location, url);
    // Credentials are for the host that the message named, not for whomever it points to.
    if (next.origin !== url.origin) credentials = undefined;
    url = next;
  }
  throw new Error(`${link} redirects more than ${MOST_REDIRECTS} times`);
}

function ask(url: URL, { authorization, hosts }: LinkOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new Error(`${url.protocol} is not fetched`);
  if (hosts && !hosts.some((pattern) => isHost(pattern, host)))
    throw new Error(`${host} is no host that links may name; ${LIST} lists them`);
  if (authorization !== undefined && url.protocol !== 'https:' && !hosts)
    throw new Error('credentials of a media provider are sent over https only');
  // Names that a list allows may have any address.
  const mayReach = (address: string) => hosts !== undefined || isPublicAddress(address);
  if (isIP(host) && !mayReach(host)) throw notPublic(host);
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const headers = { accept: '*/*', ...(authorization === undefined ? {} : { authorization }) };
    const outgoing = request(url, { headers, agent: false, lookup: lookupAmong(mayReach) }, resolve);
    const onAbort = () => outgoing.destroy(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    outgoing.on('close', () => signal.removeEventListener('abort', onAbort));
    outgoing.on('error', reject);
    // Nobody asked for another protocol.
    outgoing.on('upgrade', (_, socket) => {
      socket.destroy();
      reject(new Error(`${url.host} switches protocols`));
    });
    outgoing.end();
  });
}

const isHost = (pattern: string, host: string): boolean =>
  pattern === '*' || pattern === host || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)));

/** What a person sets: the operator gives the field to the stack as the variable. */
const LIST = 'spec.emulator.mediaHosts or WABA_MEDIA_HOSTS';

const notPublic = (host: string): Error =>
  new Error(`${host} has no public address; ${LIST} lists hosts that links may name nevertheless`);

/** Looks names up, and finds only the addresses that may be reached. */
const lookupAmong =
  (mayReach: (address: string) => boolean): LookupFunction =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const allowed = (error ? [] : found).filter(({ address }) => mayReach(address));
      const [first] = allowed;
      if (!first) return callback(error ?? notPublic(hostname), [] as LookupAddress[]);
      if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
