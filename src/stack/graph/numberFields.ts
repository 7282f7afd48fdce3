import { graphStatusOf } from '../network/graphSide.ts';
import type { Graph } from './graph.ts';
import { GraphFailure } from './graphFailure.ts';

const QUALITIES = { high: 'GREEN', medium: 'YELLOW', low: 'RED' } as const;
const TIERS: Readonly<Record<string, string>> = {
  250: 'TIER_250',
  1000: 'TIER_1K',
  10000: 'TIER_10K',
  100000: 'TIER_100K',
};

/** Told when a call names no fields. */
const USUAL = [
  'verified_name',
  'code_verification_status',
  'display_phone_number',
  'quality_rating',
  'platform_type',
  'throughput',
];

/** What is told of a number. @throws GraphFailure for a field that there is not */
export function numberFields(graph: Graph, number: string, wanted: string | undefined): object {
  const all = allFields(graph, number);
  const names = wanted === undefined ? USUAL : fieldNames(wanted);
  const unknown = names.find((name) => !(name in all));
  if (unknown !== undefined) throw new GraphFailure(100, `Tried accessing nonexisting field (${unknown})`);
  return Object.fromEntries([...new Set([...names, 'id'])].map((name) => [name, all[name]]));
}

/** `a,b{c,d}`: the fields within others are told with them. */
export const fieldNames = (text: string): string[] =>
  text
    .replace(/\{[^}]*\}|\.[a-z]+\([^)]*\)/g, '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);

function allFields({ network, numbers }: Graph, number: string): Record<string, unknown> {
  const { state } = network;
  const known = state.known(number);
  const { quality, tier } = state.limits(number);
  const { phoneNumberId, businessAccountId } = numbers.idsOf(number);
  const status = graphStatusOf(known, network.graphMode ?? 'both');
  const isVerified =
    known.graph?.isVerified === true || known.registrationKey !== undefined || status === 'CONNECTED';
  const canSend = status === 'CONNECTED' ? 'AVAILABLE' : 'BLOCKED';
  const account = state.graph.accounts.get(businessAccountId);
  return {
    id: phoneNumberId,
    display_phone_number: `+${number}`,
    verified_name: known.graph?.verifiedName ?? (known.vname || 'Emulated business'),
    status,
    code_verification_status: isVerified ? 'VERIFIED' : 'NOT_VERIFIED',
    quality_rating: QUALITIES[quality],
    name_status: known.graph?.nameStatus ?? 'APPROVED',
    platform_type:
      status === 'CONNECTED'
        ? 'CLOUD_API'
        : known.registrationKey === undefined
          ? 'NOT_APPLICABLE'
          : 'ON_PREMISE',
    throughput: { level: known.graph?.throughput ?? 'STANDARD' },
    messaging_limit_tier: tier === null ? 'TIER_UNLIMITED' : TIERS[tier],
    account_mode: 'LIVE',
    is_pin_enabled: known.pin !== undefined,
    is_official_business_account: false,
    webhook_configuration: {
      ...(state.graph.app.callback ? { application: state.graph.app.callback.url } : {}),
      ...(known.graph?.callback ? { phone_number: known.graph.callback.url } : {}),
      ...(account?.callback ? { whatsapp_business_account: account.callback.url } : {}),
    },
    health_status: {
      can_send_message: canSend,
      entities: [
        { entity_type: 'PHONE_NUMBER', id: phoneNumberId, can_send_message: canSend },
        { entity_type: 'WABA', id: businessAccountId, can_send_message: 'AVAILABLE' },
      ],
    },
  };
}
