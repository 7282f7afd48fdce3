import type { ConditionType } from '../../../operator/resource/conditions.ts';
import type { Check } from './check.ts';
import type { StackValues } from './facts.ts';
import { conditionCheck } from './stateChecks.ts';

/** Checks of a stack with the Cloud API behind it; other stacks do not have them. */

const cloudCheck = (
  type: ConditionType,
  entry: { readonly id: string; readonly asks: string; readonly mend: string },
): Check<StackValues> =>
  conditionCheck(type, { group: 'Cloud API', ...entry }, ({ spec, status }) => {
    const told = status?.conditions?.find((condition) => condition.type === type);
    return spec.cloud !== undefined || (told !== undefined && told.reason !== 'NoCloud');
  });

export const cloudChecks: readonly Check<StackValues>[] = [
  cloudCheck('TokenValid', {
    id: 'cloud-token',
    asks: 'Does the Cloud API accept the access token, and does it see the number and the account?',
    mend: 'Put another token into the Secret of `spec.cloud.accessTokenSecretRef`, or correct the ids.',
  }),
  cloudCheck('WebhookSubscribed', {
    id: 'cloud-webhook',
    asks: 'Does the Cloud API post the webhooks of the number to the gateway?',
    mend: 'Make the URL of `spec.cloud.webhook` reachable from the Internet, with a public certificate.',
  }),
  cloudCheck('NumberHealthy', {
    id: 'cloud-number',
    asks: 'Does the Cloud API limit the number or its display name?',
    mend: 'Look at the number in WhatsApp Manager.',
  }),
];
