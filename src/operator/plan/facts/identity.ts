import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { Journal } from './journal.ts';
import { names, slotRole } from './names.ts';
import { type Observation, type Observed, ownedBy, type Rival } from './observed.ts';

/** Who a stack is: whether its number and its data are its own. */

type Claim = Pick<Observation, 'resource' | 'sameNumber' | 'rivals' | 'journal' | 'children'>;

/**
 * Another stack that keeps this one from the number; undefined if there is none. Who runs with the number, or is
 * registered with it, keeps it: the phone number of a resource may change until it is registered, so the age of a resource
 * alone would let whoever owns an old one take the number of a running stack. Among those that have nothing yet, the older
 * resource wins, by creation time and then by UID.
 */
export function numberInUse(claim: Claim): WhatsAppDeployment | undefined {
  if (holdsNumber(claim)) return undefined;
  const { resource, sameNumber, rivals = [] } = claim;
  const runs = ({ metadata }: WhatsAppDeployment) =>
    rivals.some(({ stack }) => stack === `${metadata.namespace}/${metadata.name}`);
  const isRegistered = ({ status }: WhatsAppDeployment) => status?.registration?.state === 'Registered';
  const comesFirst = (other: WhatsAppDeployment) => isRegistered(other) || runs(other);
  return sameNumber
    .filter(({ metadata }) => metadata.uid !== resource.metadata.uid)
    .filter((other) => comesFirst(other) || age(other) < age(resource))
    .sort((a, b) => Number(comesFirst(b)) - Number(comesFirst(a)) || age(a).localeCompare(age(b)))[0];
}

/** Sorts resources by creation time and then by UID. */
export const age = ({ metadata }: WhatsAppDeployment): string =>
  `${metadata.creationTimestamp}/${metadata.uid}`;

/** Whether this stack runs with its number already, or is registered with it. */
function holdsNumber({ resource, journal, children }: Claim): boolean {
  const { phoneNumber } = resource.spec;
  // A journal of an earlier version has no number.
  if ((journal?.number ?? phoneNumber) !== phoneNumber) return false;
  return journal?.registration?.phase === 'registered' || runsNodes({ resource, children });
}

const runsNodes = (claim: Pick<Observation, 'resource' | 'children'>): boolean =>
  ownedBy(claim, 'StatefulSet').some(
    ({ metadata }) => slotRole(claim.resource.metadata.name, metadata.name) !== undefined,
  );

/**
 * Another stack whose Masters or Coreapps still run with this number, while this one has none: its resource may be gone
 * long before its pods. A stack that runs already goes on.
 */
export function rivalInTheWay(observed: Observed): Rival | undefined {
  return runsNodes(observed) ? undefined : observed.rivals?.[0];
}

/** Phases in which the data of a stack holds a registration, or may hold one. */
const HELD = ['registered', 'verifying', 'requesting'];

/** The number whose registration the data of a stack holds, or may hold. */
const numberOfData = ({ number, registration }: Journal): string | undefined =>
  registration && HELD.includes(registration.phase) ? number : undefined;

/** What is wrong with retained data that belongs to another number than the resource's; undefined if nothing is. */
export function foreignData({
  resource: { metadata, spec },
  journal,
}: Pick<Observed, 'resource' | 'journal'>): string | undefined {
  const number = journal && numberOfData(journal);
  if (number === undefined || number === spec.phoneNumber) return undefined;
  return `the data and Secrets that were kept under the name ${metadata.name} belong to ${number} (Secret ${names(metadata.name).journal}), not to ${spec.phoneNumber}; set spec.phoneNumber to ${number}, or create a WhatsAppDeployment with another name for ${spec.phoneNumber}`;
}

/** The journal of a stack with its number. What was tried with another number does not count for this one. */
export function withNumber(journal: Journal, resource: WhatsAppDeployment): Journal {
  const { phoneNumber } = resource.spec;
  if (journal.number === phoneNumber || foreignData({ resource, journal }) !== undefined) return journal;
  const { registration, ...rest } = journal;
  const isOurs = journal.number === undefined;
  return { ...rest, number: phoneNumber, ...(registration && isOurs ? { registration } : {}) };
}
