import { CodedError } from '../../base/codedError.ts';
import { isForbidden, isInvalid } from '../../engine/kube/apiError.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { claimSize, claimsOf } from '../plan/facts/volumeSizes.ts';
import { quantityOf } from '../resource/quantity.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';

/** The API server only says that it refuses; this says which field asked for it, and what lets the volume grow. */
export function volumeNotGrowing(
  resource: WhatsAppDeployment,
  wanted: KubeObject,
  live: KubeObject | undefined,
  cause: unknown,
): CodedError | undefined {
  if (wanted.kind !== 'PersistentVolumeClaim' || !live) return undefined;
  const [size = '0', wantedSize = '0'] = [claimSize(live), claimSize(wanted)];
  if ((quantityOf(size) ?? 0) >= (quantityOf(wantedSize) ?? 0)) return undefined;
  if (!isForbidden(cause) && !isInvalid(cause)) return undefined;
  const { name, namespace } = wanted.metadata;
  const { field } = Object.values(claimsOf(resource)).find(({ claim }) => claim === name) ?? {};
  const { storageClassName } = (live.spec ?? {}) as { readonly storageClassName?: string };
  return new CodedError(
    'VolumeNotGrowing',
    `PersistentVolumeClaim ${namespace}/${name} stays at ${size}, because Kubernetes refuses to let it grow to ${wantedSize}: set ${field} back to ${size}, or, if the driver of the volume can do it, run kubectl patch storageclass ${storageClassName} -p '{"allowVolumeExpansion":true}'`,
    { cause },
  );
}
