import { SHARD_CHANGE_DAYS } from '../../../onprem/account.ts';
import { parseCertificate } from '../../../onprem/emulatorCertificate.ts';
import type { ReasonOf } from '../../resource/conditions.ts';
import { EMPTY_JOURNAL } from '../facts/journal.ts';
import type { Observation } from '../facts/observed.ts';
import { registrationInputs } from '../facts/registrationInputs.ts';
import { servedShards } from '../facts/servedShards.ts';
import { counts } from '../facts/stackSettings.ts';
import { met, unknown, unmet, type Verdict } from '../tell/conditions.ts';
import { type UserHold, userHold } from './changePolicy.ts';

const DAY_MS = 86_400_000;

export interface ReshardingInput {
  readonly wanted: number;
  /** The number of shards that the stack reports; undefined while it does not. */
  readonly current: number | undefined;
  /** Coreapps that answer in health. */
  readonly members: number;
  /** Shards whose Coreapp is connected. */
  readonly served: number;
  readonly isRegistered: boolean;
  readonly certificate: string | undefined;
  /** Where the user puts the certificate: `Secret NAME, key KEY`. */
  readonly certificateSource: string;
  readonly certificateExpiresAt: string | undefined;
  /** Two-step verification is on, and the operator does not know the PIN. */
  readonly isPinUnknown: boolean;
  readonly registeredAt: string | undefined;
  readonly allowReRegistration: boolean;
  /** What spec.upgrade lets the change wait for. */
  readonly hold: UserHold | undefined;
  /** Pods are restarting one at a time. */
  readonly isRolling: boolean;
  /** Epoch ms before which the stack refuses another change. */
  readonly retryNotBeforeMs: number | undefined;
  readonly nowMs: number;
}

export type ReshardingStep =
  | { readonly do: 'set-shards'; readonly shards: number }
  | { readonly do: 'wait'; readonly verdict: Verdict<'ShardsServed'> };

const wait = (verdict: Verdict<'ShardsServed'>): ReshardingStep => ({ do: 'wait', verdict });
const refuse = (reason: ReasonOf<'ShardsServed'>, message: string): ReshardingStep =>
  wait(unmet('ShardsServed', reason, message));

/**
 * The next step towards a new number of shards. It waits until every wanted shard has a Coreapp. A change that could
 * disconnect the number is refused, and the message says how to proceed.
 */
export function planResharding(input: ReshardingInput): ReshardingStep {
  const { wanted, current, members, served, nowMs } = input;
  const count = `${served} of ${wanted} shards have a connected Coreapp`;
  if (!input.isRegistered) return refuse('NotRegistered', count);
  if (current === undefined)
    return wait(unknown('ShardsServed', 'Unknown', 'the stack does not report how many shards it has'));
  if (current === wanted)
    return wait(
      served >= wanted ? met('ShardsServed', 'Served', count) : unmet('ShardsServed', 'NotServed', count),
    );

  const change = `from ${current} to ${wanted} shards`;
  const waits = `${change}: waits for ${input.hold?.waitingFor}`;
  if (!input.certificate)
    return refuse(
      'CertificateMissing',
      `${change}: put the verified-name certificate into ${input.certificateSource}`,
    );
  if (input.certificateExpiresAt !== undefined && Date.parse(input.certificateExpiresAt) <= nowMs)
    return refuse(
      'CertificateExpired',
      `${change}: the verified-name certificate expired at ${input.certificateExpiresAt}, and using it can get the account banned; put a new certificate into ${input.certificateSource}`,
    );
  if (input.isPinUnknown)
    return refuse(
      'PinUnknown',
      `${change}: two-step verification is on and the operator does not know the PIN; put it into a Secret and name it in spec.twoStep.pinSecretRef`,
    );
  const ageDays = input.registeredAt
    ? (nowMs - Date.parse(input.registeredAt)) / DAY_MS
    : Number.POSITIVE_INFINITY;
  if (ageDays > SHARD_CHANGE_DAYS && !input.allowReRegistration)
    return refuse(
      'RegistrationTooOld',
      `${change}: the number was registered ${Number.isFinite(ageDays) ? `${Math.floor(ageDays)} days ago` : 'at an unknown time'}; more than ${SHARD_CHANGE_DAYS} days after registration, the change disconnects it. Register again (raise spec.registration.attempt), or set spec.multiconnect.allowReRegistration to true`,
    );
  if (input.hold)
    // The shards that there are come first: they carry the traffic while the change waits.
    return served < current
      ? refuse('NotServed', `${served} of ${current} shards have a connected Coreapp; ${waits}`)
      : refuse(input.hold.reason, waits);
  if (input.retryNotBeforeMs !== undefined && nowMs < input.retryNotBeforeMs)
    return refuse(
      'RetryLater',
      `${change}: the stack refused the change for now; the operator tries again within a minute`,
    );
  if (input.isRolling) return refuse('WaitingForRollout', `${change}: waiting until no pod is restarting`);
  if (members < wanted)
    return refuse('WaitingForCoreapps', `${change}: ${members} Coreapps have joined, ${wanted} are needed`);
  return { do: 'set-shards', shards: wanted };
}

/** The next step of an observed stack. */
export function reshardingStep(observed: Observation, isRegistered: boolean, nowMs: number): ReshardingStep {
  const { resource, api, journal = EMPTY_JOURNAL } = observed;
  const { certificate, pin } = registrationInputs(observed);
  const members = Object.values(api?.health ?? {}).filter(({ role }) => role === 'coreapp').length;
  const text = certificate.value?.trim();
  return planResharding({
    wanted: counts(resource).shards,
    current: api?.shards,
    members: resource.spec.topology === 'Single' ? 1 : members,
    served: Object.keys(servedShards({ resource, api })).length,
    isRegistered,
    certificate: text,
    certificateSource: certificate.source,
    certificateExpiresAt: text === undefined ? undefined : parseCertificate(text)?.notAfter,
    isPinUnknown: journal.twoStepPin !== undefined && pin?.value === undefined,
    registeredAt: journal.registration?.registeredAt,
    allowReRegistration: resource.spec.multiconnect?.allowReRegistration === true,
    hold: reshardingHold(observed, nowMs),
    isRolling: (journal.rollout?.isActive && !journal.rollout.isStopped) ?? false,
    retryNotBeforeMs: journal.shards.retryNotBeforeMs,
    nowMs,
  });
}

/**
 * What spec.upgrade lets a new number of shards wait for: every shard logs in again, which interrupts the traffic. The
 * first shards of a registration interrupt nobody.
 */
export function reshardingHold(
  { resource, api, journal = EMPTY_JOURNAL }: Observation,
  nowMs: number,
): UserHold | undefined {
  // Journals of earlier versions do not say whether the shards were served. A new registration has one shard.
  const isFirst = !journal.registration?.isServed && (api?.shards ?? 1) === 1;
  return isFirst ? undefined : userHold(resource, nowMs);
}
