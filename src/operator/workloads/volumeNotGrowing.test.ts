import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { ApiError } from '../../engine/kube/apiError.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { volumeNotGrowing } from './volumeNotGrowing.ts';

const resource = whatsAppDeployment({ spec: { media: { storage: { size: '20Gi' } } } });
const claim = (storage: string) =>
  ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'shop-media', namespace: 'default' },
    spec: { storageClassName: 'nfs', resources: { requests: { storage } } },
  }) as KubeObject;
const refusal = new ApiError(403, { reason: 'Forbidden', message: 'must support resize' }, 'PATCH');

describe('a claim that Kubernetes refuses to change', () => {
  it('names the field, the size to set back, and the command that lets it grow', () => {
    const error = volumeNotGrowing(resource, claim('20Gi'), claim('10Gi'), refusal);
    expect(error?.code).toBe('VolumeNotGrowing');
    expect(error?.message).toContain('default/shop-media stays at 10Gi');
    expect(error?.message).toContain('set spec.media.storage.size back to 10Gi');
    expect(error?.message).toContain('kubectl patch storageclass nfs');
  });

  it.each([
    ['is new', claim('20Gi'), undefined, refusal],
    ['should not grow', claim('10Gi'), claim('10Gi'), refusal],
    ['has its size in another unit', claim('10Gi'), claim('10240Mi'), refusal],
    ['was changed at the same time', claim('20Gi'), claim('10Gi'), new ApiError(409, {}, 'PATCH')],
  ])('keeps the answer of the API server if it %s', (_, wanted, live, error) => {
    expect(volumeNotGrowing(resource, wanted, live, error)).toBeUndefined();
  });
});
