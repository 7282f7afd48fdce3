import { describe, expect, it } from 'vitest';
import { KUBERNETES_VERSION, KUBERNETES_VERSIONS, kubernetesVersion } from './kubernetesVersions.ts';

describe('the version of Kubernetes', () => {
  it('is the default unless another one is asked for', () => {
    expect(kubernetesVersion({})).toBe(KUBERNETES_VERSION);
    expect(kubernetesVersion({ KUBERNETES_VERSION: '' })).toBe(KUBERNETES_VERSION);
  });

  it.for(['1.36', 'v1.36', '1.36.3', 'v1.36.3'])('can be asked for as %s', (wanted) => {
    expect(kubernetesVersion({ KUBERNETES_VERSION: wanted })).toBe('v1.36.3');
  });

  it.for(['1.3', '1.36.99', 'latest'])('is refused as %s, with the versions that there are', (wanted) => {
    expect(() => kubernetesVersion({ KUBERNETES_VERSION: wanted })).toThrow(
      `KUBERNETES_VERSION=${wanted} is not a version that runs here. Set it to one of 1.34, 1.35, 1.36, 1.37, or unset it`,
    );
  });

  it('counts from the oldest to the newest', () => {
    const sorted = [...KUBERNETES_VERSIONS].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    expect(KUBERNETES_VERSIONS).toEqual(sorted);
  });
});
