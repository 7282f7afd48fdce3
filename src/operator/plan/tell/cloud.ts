import type { GatewayStatus } from '../../../cloud/gatewayStatus.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { met, unknown, unmet, type Verdict } from './conditions.ts';

/** What a gateway to the Cloud API tells, as conditions of its stack. */

/** What the gateway tells, or why it tells nothing; undefined for a stack without the Cloud API. */
export type Told =
  | { readonly status: GatewayStatus; readonly problem?: undefined }
  | { readonly status?: undefined; readonly problem: string }
  | undefined;

type Cloud = NonNullable<WhatsAppDeployment['spec']['cloud']>;

const NO_CLOUD = 'the stack has no Cloud API behind it';
const because = (detail: string | undefined): string => (detail === undefined ? '' : ` (${detail})`);

/** Appended to what Graph told before it stopped answering. */
const stale = ({ graph }: GatewayStatus): string =>
  graph.isAnswering
    ? ''
    : `; the Cloud API does not answer now${because(graph.detail)}, this is what it told${graph.lastAnswerAt ? ` at ${graph.lastAnswerAt}` : ' before'}`;

export function judgeToken(cloud: Cloud | undefined, told: Told): Verdict<'TokenValid'> {
  if (!cloud || !told) return met('TokenValid', 'NoCloud', NO_CLOUD);
  if (!told.status) return unknown('TokenValid', 'Unknown', told.problem);
  const { token, graph } = told.status;
  const { name, key } = cloud.accessTokenSecretRef;
  const place = `key ${key} of Secret ${name} (spec.cloud.accessTokenSecretRef)`;
  const why = because(token.detail);
  switch (token.state) {
    case 'Valid':
      return met(
        'TokenValid',
        'Valid',
        `the Cloud API accepts the access token${token.expiresAt ? `, which ends at ${token.expiresAt}` : ''}${stale(told.status)}`,
      );
    case 'Refused':
      return unmet(
        'TokenValid',
        'TokenRefused',
        `the Cloud API refuses the access token${why}: messages wait, and none is lost; put another one into ${place}, and the gateway takes it without a restart`,
      );
    case 'PermissionMissing':
      return unmet(
        'TokenValid',
        'PermissionMissing',
        `the access token lacks a permission${why}; give its system user whatsapp_business_messaging and whatsapp_business_management, or put another token into ${place}`,
      );
    case 'WrongAccount':
      return unmet(
        'TokenValid',
        'WrongAccount',
        `the access token does not see the number${why}; correct spec.cloud.phoneNumberId (${cloud.phoneNumberId}) and spec.cloud.businessAccountId (${cloud.businessAccountId}), or put the token of a system user that has both into ${place}`,
      );
    case 'Unknown':
      return unknown(
        'TokenValid',
        'Unknown',
        graph.isAnswering
          ? 'the Cloud API has not been asked with this access token yet'
          : `the Cloud API at ${cloud.graphUrl} does not answer${because(graph.detail)}`,
      );
  }
}

export function judgeSubscription(cloud: Cloud | undefined, told: Told): Verdict<'WebhookSubscribed'> {
  if (!cloud || !told) return met('WebhookSubscribed', 'NoCloud', NO_CLOUD);
  if (!told.status) return unknown('WebhookSubscribed', 'Unknown', told.problem);
  const { state, url = '', detail } = told.status.subscription;
  switch (state) {
    case 'Subscribed':
      return met('WebhookSubscribed', 'Subscribed', `the Cloud API posts to ${url}`);
    case 'NotManaged':
      return met(
        'WebhookSubscribed',
        'ByHand',
        'spec.cloud.webhook is not set, so somebody subscribes the webhook by hand',
      );
    case 'Pending':
      return unmet('WebhookSubscribed', 'Pending', `the gateway subscribes ${url}`);
    case 'Failed':
      return unmet(
        'WebhookSubscribed',
        'SubscriptionFailed',
        `the Cloud API does not post to ${url}${because(detail)}; the gateway tries again. The URL must lead from the Internet to port webhook of the gateway with a public certificate (spec.cloud.webhook)`,
      );
    case 'Removed':
      return unmet(
        'WebhookSubscribed',
        'Removed',
        'the subscription was removed by a call to the gateway; it comes back when the gateway restarts',
      );
  }
}

/** What Graph says of a name or a quality that a person must act on. The reference has the fields and no list of their values. */
const BAD_NAMES: readonly string[] = ['DECLINED', 'EXPIRED'];
const BAD_QUALITIES: readonly string[] = ['RED'];
/** The number is connected, and the vendor limits what it may send. Source: docs/onprem/cloud-migration.md §17.2. */
const LIMITED: readonly string[] = ['FLAGGED', 'RESTRICTED'];

export function judgeNumber(cloud: Cloud | undefined, told: Told): Verdict<'NumberHealthy'> {
  if (!cloud || !told) return met('NumberHealthy', 'NoCloud', NO_CLOUD);
  if (!told.status) return unknown('NumberHealthy', 'Unknown', told.problem);
  const { number } = told.status;
  if (!number) return unknown('NumberHealthy', 'Unknown', 'the Cloud API has told nothing of the number yet');
  const { status, verifiedName, nameStatus, quality, messagingLimit, throughput } = number;
  const facts = [
    `display name ${verifiedName}${because(nameStatus)}`,
    ...(quality ? [`quality ${quality}`] : []),
    ...(messagingLimit ? [`messaging limit ${messagingLimit}`] : []),
    `${throughput} messages/s`,
  ].join(', ');
  const inManager = 'look at the number in WhatsApp Manager';
  if (LIMITED.includes(status))
    return unmet('NumberHealthy', 'NumberLimited', `the Cloud API says ${status}; ${inManager}: ${facts}`);
  if (nameStatus !== undefined && BAD_NAMES.includes(nameStatus))
    return unmet(
      'NumberHealthy',
      'NameNotApproved',
      `the display name is ${nameStatus}; ${inManager}: ${facts}`,
    );
  if (quality !== undefined && BAD_QUALITIES.includes(quality))
    return unmet('NumberHealthy', 'QualityLow', `the quality is ${quality}; ${inManager}: ${facts}`);
  return met('NumberHealthy', 'Healthy', `${facts}${stale(told.status)}`);
}

/** Statuses of a number that a registration brings back. Source: docs/onprem/cloud-migration.md §17.2. */
const REGISTRABLE: readonly string[] = [
  'CONNECTED',
  'DISCONNECTED',
  'PENDING',
  'FLAGGED',
  'RESTRICTED',
  'UNKNOWN',
];
/** Statuses with which the number is registered here. */
const CONNECTED: readonly string[] = ['CONNECTED', ...LIMITED, 'UNKNOWN'];

/**
 * Why no registration is tried now; undefined if one may be. Each counts, and ten in three days are all there are.
 */
export function registrationObstacle(
  cloud: Cloud | undefined,
  told: Told,
): Verdict<'Registered'> | undefined {
  if (!cloud || !told) return undefined;
  if (!told.status) return unknown('Registered', 'Unknown', told.problem);
  const { token, number } = told.status;
  if (token.state !== 'Valid') return unknown('Registered', 'Waiting', 'waiting until TokenValid is True');
  if (!number) return unknown('Registered', 'Unknown', 'the Cloud API has told nothing of the number yet');
  return REGISTRABLE.includes(number.status)
    ? undefined
    : unmet(
        'Registered',
        'NumberNotConnected',
        `the Cloud API says ${number.status} of the number, and a registration would not change that; look at it in WhatsApp Manager`,
      );
}

/**
 * Whether the number is registered: both the stack and the Cloud API must say so.
 * @param confirmedAtMs when the stack confirmed the registration last; what the Cloud API told before says nothing
 */
export function isRegisteredWith(
  told: Told,
  registered: boolean | undefined,
  confirmedAtMs = 0,
): boolean | undefined {
  const number = told?.status?.number;
  if (!registered || !number || Date.parse(number.checkedAt) < confirmedAtMs) return registered;
  return CONNECTED.includes(number.status);
}
