import { objectKey } from '../../../engine/kube/kubeObject.ts';
import { hashOf } from '../../../engine/kube/ownFields.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { WhatsAppFleet } from '../../resource/whatsAppFleet.ts';
import { FLEET, FLEET_CHANGE } from '../facts/names.ts';

/** `namespace/name` of a fleet. */
export const fleetKey = ({ namespace, name }: WhatsAppFleet['metadata']): string =>
  objectKey(namespace, name);

/** What a rollout brings to every stack. */
export type FleetTarget = Pick<WhatsAppFleet['spec'], 'version' | 'images' | 'operatorChanges'>;

export const targetOf = ({ spec: { version, images, operatorChanges } }: WhatsAppFleet): FleetTarget => ({
  ...(version === undefined ? {} : { version }),
  ...(images === undefined ? {} : { images }),
  operatorChanges,
});

/** Stands for version and images. Two rollouts with the same hash bring the same. */
export const targetHash = ({ version, images }: FleetTarget): string => hashOf([version, images]);

/** Whether the spec of a stack says what the target says. */
export function hasTarget(
  { spec }: Pick<WhatsAppDeployment, 'spec'>,
  { version, images = {} }: FleetTarget,
): boolean {
  return (
    (version === undefined || spec.version === version) &&
    Object.entries(images).every(
      ([role, image]) => image === undefined || spec.images?.[role as keyof typeof images] === image,
    )
  );
}

/** What this fleet last brought to a stack, and when (epoch ms). */
export function lastChange(
  { metadata }: Pick<WhatsAppDeployment, 'metadata'>,
  fleet: Pick<WhatsAppFleet, 'metadata'>,
): { readonly hash: string; readonly atMs: number } | undefined {
  if (metadata.annotations[FLEET] !== fleetKey(fleet.metadata)) return undefined;
  const [hash, time] = metadata.annotations[FLEET_CHANGE]?.split('@') ?? [];
  const atMs = Date.parse(time ?? '');
  return hash === undefined || Number.isNaN(atMs) ? undefined : { hash, atMs };
}
