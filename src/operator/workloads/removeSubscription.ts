import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/codedError.ts';
import type { GatewayClient } from '../../client/gatewayClient.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, keyOf } from '../../engine/kube/kubeObject.ts';
import { controlTokenPlace, gatewayAddress } from '../plan/facts/cloud.ts';
import { names } from '../plan/facts/names.ts';
import { secretValue, withoutLineEnd } from '../plan/facts/secrets.ts';
import { unmet, type Verdict } from '../plan/tell/conditions.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { stackObjects } from '../state/stackObjects.ts';
import type { StackSources } from '../state/stackSources.ts';

export interface RemoveSubscriptionOptions {
  readonly sources: StackSources;
  readonly gateways: Pick<GatewayClient, 'unsubscribe'>;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
}

/** How long a deletion waits for the Cloud API to forget the webhook. After that a person must remove it. */
const DEADLINE_MS = 2 * 60_000;

/**
 * Before the gateway goes: has it remove its subscription, so that the Cloud API posts to no URL that nobody serves. What does
 * not succeed in time is told in an event; a deletion never waits for ever.
 * @returns what the deletion waits for; undefined once it may go on. @throws only when the signal fires
 */
export async function removeSubscription(
  resource: WhatsAppDeployment,
  stored: KubeObject,
  options: RemoveSubscriptionOptions,
  signal: AbortSignal,
): Promise<Verdict<'Ready'> | undefined> {
  const { cloud } = resource.spec;
  if (!cloud || isByHand(resource)) return undefined;
  const problem = await tryToRemove(resource, stored, options, signal);
  if (problem === undefined) return undefined;
  const { recorder, clock } = options;
  const deadlineMs = Date.parse(resource.metadata.deletionTimestamp ?? '') + DEADLINE_MS;
  if (problem.mayPass && clock.now() <= deadlineMs)
    return unmet(
      'Ready',
      'Deleting',
      `the resource is being deleted; the gateway removes the subscription of webhooks first: ${problem.text}. The operator tries again until ${new Date(deadlineMs).toISOString()}`,
    );
  recorder.record(stored, {
    type: 'Warning',
    reason: 'SubscriptionLeft',
    message: `the Cloud API still posts webhooks of number ${cloud.phoneNumberId} to this stack, because ${problem.text}; remove them: curl -X POST -H "Authorization: Bearer TOKEN" -H "Content-Type: application/json" -d '{"webhook_configuration":{"override_callback_uri":""}}' ${cloud.graphUrl}/${cloud.graphVersion}/${cloud.phoneNumberId}`,
  });
  return undefined;
}

interface Problem {
  readonly text: string;
  /** Trying again may help. */
  readonly mayPass: boolean;
}

async function tryToRemove(
  resource: WhatsAppDeployment,
  stored: KubeObject,
  { sources, gateways }: RemoveSubscriptionOptions,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  const { children, pods } = stackObjects(keyOf(stored), sources);
  const address = gatewayAddress({ pods });
  if (address === undefined) {
    const set = children.get(`StatefulSet/${names(resource.metadata.name).gateway}`);
    const wantsPod = set !== undefined && (set.spec as { replicas?: number } | undefined)?.replicas !== 0;
    return { text: `the gateway ${wantsPod ? 'is not ready' : 'does not run'}`, mayPass: wantsPod };
  }
  const token = secretValue({ children, referenced: new Map() }, controlTokenPlace(resource));
  if (token === undefined)
    return {
      text: `Secret ${controlTokenPlace(resource).name}, with which the gateway is called, is gone`,
      mayPass: false,
    };
  try {
    const text = await gateways.unsubscribe({ address, token: withoutLineEnd(token) }, signal);
    return text === undefined ? undefined : { text, mayPass: true };
  } catch (error) {
    if (signal.aborted) throw error;
    return { text: describeError(error), mayPass: true };
  }
}

/** Somebody subscribed by hand, or nobody did. */
const isByHand = ({ spec, status }: WhatsAppDeployment): boolean =>
  spec.cloud?.webhook === undefined ||
  status?.conditions?.find(({ type }) => type === 'WebhookSubscribed')?.reason === 'ByHand';
