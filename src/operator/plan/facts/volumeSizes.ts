import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { quantityOf } from '../../resource/quantity.ts';
import type { WhatsAppDeploymentStatus } from '../../resource/status.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { names } from './names.ts';
import { DEFAULTS } from './stackSettings.ts';

type Volume = keyof NonNullable<WhatsAppDeploymentStatus['volumes']>;

/** The claims that the operator made for a stack, with the field of `spec` that sizes each. */
export const claimsOf = ({ metadata, spec }: WhatsAppDeployment) =>
  ({
    database: {
      claim: names(metadata.name).databaseClaim,
      field: 'spec.database.managed.storage.size',
      wanted: spec.database.managed?.storage.size,
    },
    media: {
      claim: names(metadata.name).mediaClaim,
      field: 'spec.media.storage.size',
      wanted:
        spec.media?.claimName === undefined ? (spec.media?.storage?.size ?? DEFAULTS.mediaSize) : undefined,
    },
    gateway: {
      claim: names(metadata.name).gateway,
      field: 'spec.cloud.gateway.storage.size',
      wanted: spec.cloud && (spec.cloud.gateway?.storage?.size ?? DEFAULTS.gatewaySize),
    },
  }) as const satisfies Record<Volume, object>;

/** The size that a claim asks for. */
export const claimSize = (claim: KubeObject | undefined): string | undefined =>
  (claim?.spec as { resources?: { requests?: { storage?: string } } } | undefined)?.resources?.requests
    ?.storage;

/** The sizes of claims that are smaller than the spec wants. */
export function smallerVolumes(
  resource: WhatsAppDeployment,
  children: ReadonlyMap<string, KubeObject>,
): Partial<Record<Volume, string>> {
  const found = Object.entries(claimsOf(resource)).flatMap(([volume, { claim, wanted }]) => {
    const size = claimSize(children.get(`PersistentVolumeClaim/${claim}`));
    const isSmaller =
      size !== undefined && wanted !== undefined && (quantityOf(size) ?? 0) < (quantityOf(wanted) ?? 0);
    return isSmaller ? [[volume, size]] : [];
  });
  return Object.fromEntries(found);
}
