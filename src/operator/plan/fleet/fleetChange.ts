import { type KubeObject, splitKey } from '../../../engine/kube/kubeObject.ts';
import { API_VERSION, KIND } from '../../resource/whatsAppDeployment.ts';
import type { WhatsAppFleet } from '../../resource/whatsAppFleet.ts';
import { FLEET, FLEET_CHANGE, FLEET_PERMISSION } from '../facts/names.ts';
import { type FleetTarget, fleetKey, targetHash } from './fleetTarget.ts';
import type { FleetStack } from './stackStage.ts';

/** What a fleet applies to a stack. What the manager applied last and applies no more, the API server removes. */
export interface FleetChange {
  readonly object: KubeObject;
  readonly manager: string;
  /** Whether fields are taken over from other managers. */
  readonly force: boolean;
}

/** Owns version and images. Never by force: a GitOps tool that owns them too would set them back. */
const FLEET_MANAGER = 'waba-operator-fleet';
/**
 * Owns `spec.upgrade.operatorChanges` while a stack takes the changes of a new operator version. By force, because whoever
 * created the stack owns the default; when the fleet lets go, the API server fills in the default again.
 */
const PERMISSION_MANAGER = 'waba-operator-fleet-permission';

/** What the fleet applies to a stack whose turn it is. */
export function changesOf(
  stack: FleetStack,
  fleet: WhatsAppFleet,
  target: FleetTarget,
  nowMs: number,
): FleetChange[] {
  const { version, images, operatorChanges } = target;
  const annotations = {
    [FLEET]: fleetKey(fleet.metadata),
    [FLEET_CHANGE]: `${targetHash(target)}@${new Date(nowMs).toISOString()}`,
  };
  const spec = { ...(version === undefined ? {} : { version }), ...(images === undefined ? {} : { images }) };
  const object = applied(stack, spec, annotations);
  return [
    { object, manager: FLEET_MANAGER, force: false },
    ...(operatorChanges === 'Roll'
      ? [
          permission(
            stack,
            { upgrade: { operatorChanges: 'Immediately' } },
            { [FLEET_PERMISSION]: 'granted' },
          ),
        ]
      : []),
  ];
}

/** Takes the permission back from a stack that is up to date: the next operator version waits for its ring again. */
export const settledChangesOf = (stack: FleetStack): FleetChange[] =>
  stack.resource?.metadata.annotations[FLEET_PERMISSION] === undefined ? [] : [permission(stack, {}, {})];

const permission = (
  stack: FleetStack,
  spec: object,
  annotations: Readonly<Record<string, string>>,
): FleetChange => ({
  object: applied(stack, spec, annotations),
  manager: PERMISSION_MANAGER,
  force: true,
});

function applied(
  { key }: FleetStack,
  spec: object,
  annotations: Readonly<Record<string, string>>,
): KubeObject {
  const { namespace, name } = splitKey(key);
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { namespace, name, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
    spec,
  } as KubeObject;
}
