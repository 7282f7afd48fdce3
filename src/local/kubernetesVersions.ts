import { CodedError } from '../base/codedError.ts';

/**
 * The versions of Kubernetes whose programs are built from `kubernetes/VERSION` and tested, oldest first.
 * `node scripts/kubernetesModule.mjs VERSION` adds one.
 */
export const KUBERNETES_VERSIONS = ['v1.34.4', 'v1.35.4', 'v1.36.3', 'v1.37.2'] as const;
export type KubernetesVersion = (typeof KUBERNETES_VERSIONS)[number];

/** The version that local clusters and tests run unless `KUBERNETES_VERSION` names another one. */
export const KUBERNETES_VERSION = 'v1.34.4' satisfies KubernetesVersion;

/** `v1.34` of `v1.34.4`. */
export const minorOf = (version: string): string => version.replace(/\.\d+$/, '');

/**
 * The version that `KUBERNETES_VERSION` names: `1.37`, `v1.37`, `1.37.2` or `v1.37.2`.
 *
 * @throws CodedError `UnknownKubernetes`
 */
export function kubernetesVersion(env: Readonly<Record<string, string | undefined>>): KubernetesVersion {
  const wanted = env.KUBERNETES_VERSION;
  if (!wanted) return KUBERNETES_VERSION;
  const name = wanted.replace(/^v?/, 'v');
  const found = KUBERNETES_VERSIONS.find((version) => version === name || minorOf(version) === name);
  if (found) return found;
  throw new CodedError(
    'UnknownKubernetes',
    `KUBERNETES_VERSION=${wanted} is not a version that runs here. Set it to one of ${KUBERNETES_VERSIONS.map((version) => minorOf(version).slice(1)).join(', ')}, or unset it`,
  );
}
