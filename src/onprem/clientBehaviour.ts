import { compareVersions } from './clientVersion.ts';

/**
 * What the client does from a version on. The emulator stands for one version and behaves like it.
 * Source: docs/onprem/api-messaging.md §13.
 */
const CAME_WITH = {
  /** `ttl` of templates. */
  ttl: 'v2.21.3',
  /** `GET /metrics`. */
  metrics: 'v2.21.3',
  /** `contacts[].profile.name` in webhooks. */
  profileNames: 'v2.21.4',
  /** `POST /v1/settings/business/profile` with some of the fields only. */
  partialProfile: 'v2.23.0',
  /** Limits of requests a second. */
  requestLimits: 'v2.25.3',
  /** Templates are sent in the language that they name, or not at all. */
  deterministicOnly: 'v2.27.8',
  /** `PUT /v1/services/message/gc`. */
  messageCollection: 'v2.29.0',
  /** `pass_through` can not be switched on. */
  passThroughIsOver: 'v2.35.0',
  /** Compliance information, without which nobody sells in India. */
  compliance: 'v2.37.0',
  /** `contacts` in the answer to a message. */
  contactsInAnswer: 'v2.39.0',
  /** A message may go to any number; before, only to one that a contacts call has checked. */
  anyRecipient: 'v2.39.1',
  /** `webhooks.message.*`; before, `sent_status` alone. */
  statusSwitches: 'v2.41.2',
  /** A caption has at most 1024 characters. */
  captionLimit: 'v2.41.2',
  /** A contacts call finds every number valid, whether it has an account or not. */
  contactsAlwaysValid: 'v2.43.0',
  /** `POST /v1/account/shards` needs a certificate. */
  shardCertificate: 'v2.45.0',
} as const;
export type ClientBehaviour = keyof typeof CAME_WITH;

/** Whether a client of this version behaves so. */
export const knows = (version: string, behaviour: ClientBehaviour): boolean =>
  behaviourOf(version).has(behaviour);

/** By version: asked for each message, of the one or few versions of a process. */
const known = new Map<string, ReadonlySet<string>>();

function behaviourOf(version: string): ReadonlySet<string> {
  const asked = known.get(version);
  if (asked) return asked;
  const come = Object.entries(CAME_WITH).filter(([, since]) => compareVersions(version, since) >= 0);
  const behaviour = new Set(come.map(([name]) => name));
  known.set(version, behaviour);
  return behaviour;
}
