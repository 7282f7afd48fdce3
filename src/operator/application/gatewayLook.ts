import { describeError } from '../../base/codedError.ts';
import type { GatewayClient } from '../../client/gatewayClient.ts';
import { controlTokenPlace, gatewayAddress } from '../plan/facts/cloud.ts';
import type { Observation } from '../plan/facts/observed.ts';
import { secretValue, withoutLineEnd } from '../plan/facts/secrets.ts';
import type { Told } from '../plan/tell/cloud.ts';

/** What the gateway of a stack tells, or why it tells nothing. */
export type GatewayLook = NonNullable<Told>;

/** Undefined for a stack without the Cloud API. @throws only when the signal fires */
export async function lookAtGateway(
  observed: Observation,
  gateways: Pick<GatewayClient, 'status'>,
  signal: AbortSignal,
): Promise<GatewayLook | undefined> {
  const { resource } = observed;
  if (!resource.spec.cloud) return undefined;
  const address = gatewayAddress(observed);
  if (address === undefined) return { problem: 'the gateway is not ready yet' };
  const place = controlTokenPlace(resource);
  const token = secretValue(observed, place);
  if (token === undefined)
    return { problem: `Secret ${place.name} has no key ${place.key} yet, and the gateway tells nobody else` };
  try {
    return { status: await gateways.status({ address, token: withoutLineEnd(token) }, signal) };
  } catch (error) {
    if (signal.aborted) throw error;
    return { problem: describeError(error) };
  }
}
