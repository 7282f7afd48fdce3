import { isIP } from 'node:net';
import { isPrivateAddress } from './publicAddress.ts';

/** Names that only private networks have: of this machine, of containers, and of the reserved domains. */
const PRIVATE_NAME = /^[^.]+$|\.(localhost|local|internal|test|lan|home\.arpa)$/i;

/** Whether this is a plain HTTP URL whose host is this machine or in a private network. */
export function isPrivatePlainUrl(text: unknown): text is string {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  if (protocol !== 'http:' || hostname === '') return false;
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? PRIVATE_NAME.test(host) : isPrivateAddress(host);
}
