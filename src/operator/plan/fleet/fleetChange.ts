import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { objectKey, splitKey } from '../../../engine/kube/kubeObject.ts';
import { API_VERSION, KIND } from '../../resource/whatsAppDeployment.ts';
import type { WhatsAppFleet } from '../../resource/whatsAppFleet.ts';
import { FLEET, FLEET_CHANGE } from '../facts/names.ts';
import { type FleetTarget, lastChange, targetHash } from './fleetTarget.ts';
import type { FleetStack } from './stackStage.ts';

/** The field manager of fleets: what it applied last and applies no more, the API server removes. */
export const FLEET_MANAGER = 'waba-operator-fleet';

/** What the fleet applies to a stack whose turn it is. */
export function changeOf(
  stack: FleetStack,
  fleet: WhatsAppFleet,
  target: FleetTarget,
  nowMs: number,
): KubeObject {
  const { operatorChanges } = target;
  const upgrade = operatorChanges === 'Roll' ? { upgrade: { operatorChanges: 'Immediately' } } : {};
  return applied(stack, fleet, target, new Date(nowMs).toISOString(), upgrade);
}

/**
 * Takes `operatorChanges: Immediately` back from a stack that is up to date, so that the next operator version waits for its
 * ring again. Undefined if there is nothing to take back.
 */
export function settledChangeOf(
  stack: FleetStack,
  fleet: WhatsAppFleet,
  target: FleetTarget,
): KubeObject | undefined {
  const change = stack.resource && lastChange(stack.resource);
  if (!change || !stack.ownsOperatorChanges) return undefined;
  return applied(stack, fleet, target, new Date(change.atMs).toISOString(), {});
}

function applied(
  { key }: FleetStack,
  fleet: WhatsAppFleet,
  target: FleetTarget,
  time: string,
  more: object,
): KubeObject {
  const { namespace, name } = splitKey(key);
  const { version, images } = target;
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      namespace,
      name,
      annotations: {
        [FLEET]: objectKey(fleet.metadata.namespace, fleet.metadata.name),
        [FLEET_CHANGE]: `${targetHash(target)}@${time}`,
      },
    },
    spec: {
      ...(version === undefined ? {} : { version }),
      ...(images === undefined ? {} : { images }),
      ...more,
    },
  };
}
