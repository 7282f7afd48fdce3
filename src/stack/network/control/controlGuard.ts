import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { isPublicAddress } from '../../../base/publicAddress.ts';

export interface ControlAccess {
  /** Whoever calls must know it, if it is set: as a bearer token, or as the cookie that `/?token=` sets. */
  readonly token?: string | undefined;
  /** Further names under which the port is reached. */
  readonly hosts?: readonly string[] | undefined;
}

/** What a request says of where it comes from and goes to. */
export interface ControlRequest {
  readonly method: string;
  readonly path: string;
  /** IP address of the client, if a network brought the request. */
  readonly peer: string | undefined;
  readonly header: (name: string) => string | undefined;
}

export interface ControlRefusal {
  readonly status: 401 | 403;
  readonly error: string;
}

/** Probes of a cluster ask by the address of the pod and know no token. It tells nothing. */
const OPEN_TO_ALL = '/healthz';
export const CONTROL_COOKIE = 'waba-control';

/** Names that no stranger can point at this machine. A name of the public DNS could be anybody's. */
const OWN_NAMES = ['localhost', 'local', 'internal', 'svc', 'test'];

/**
 * Why a request to the control port is not served. Web pages of strangers reach this port through the browser of
 * somebody near it: they are told by their origin, and by a host name that they have pointed here.
 */
export function controlRefusal(
  { method, path, peer, header }: ControlRequest,
  { token, hosts = [] }: ControlAccess,
): ControlRefusal | undefined {
  if (path === OPEN_TO_ALL) return undefined;
  const host = header('host') ?? '';
  if (!isOwnHost(hostnameOf(host), hosts))
    return refused(`the host ${host} is none of this port; WABA_CONTROL_HOSTS lists further names`);
  const origin = header('origin');
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
    return refused(`pages of ${origin} may not call this port`);
  const isForeign = ['cross-site', 'same-site'].includes(header('sec-fetch-site') ?? '');
  if (isForeign && !(method === 'GET' && header('sec-fetch-mode') === 'navigate'))
    return refused('pages of other sites may not call this port');
  if (token === undefined)
    return peer !== undefined && isPublicAddress(peer)
      ? refused('set WABA_CONTROL_TOKEN to call this port from the internet')
      : undefined;
  if (isToken(bearer(header('authorization')) ?? cookie(header('cookie')), token)) return undefined;
  return { status: 401, error: 'call with the header Authorization: Bearer <WABA_CONTROL_TOKEN>' };
}

/** Compares without telling by the time how much of it is right. */
export function isToken(given: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

const refused = (error: string): ControlRefusal => ({ status: 403, error });

const hostnameOf = (host: string): string =>
  host
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');

function isOwnHost(name: string, hosts: readonly string[]): boolean {
  if (isIP(name) !== 0 || hosts.includes(name)) return true;
  const labels = name.split('.');
  // `waba-network` is a Service; its longer names end in svc or local.
  if (labels.length === 1) return name !== '';
  return OWN_NAMES.includes(labels.at(-1) ?? '');
}

const bearer = (header = ''): string | undefined => /^bearer (\S+)$/i.exec(header)?.[1];

const cookie = (header = ''): string | undefined =>
  header
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${CONTROL_COOKIE}=`))
    ?.slice(CONTROL_COOKIE.length + 1);
