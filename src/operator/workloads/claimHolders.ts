import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { endOf, isComplete } from '../plan/tell/workloadChecks.ts';
import type { StackSources } from '../state/stackSources.ts';

interface PodVolumes {
  readonly template?: {
    readonly spec?: {
      readonly volumes?: readonly { readonly persistentVolumeClaim?: { readonly claimName: string } }[];
    };
  };
}

/**
 * Jobs that have ended and whose pods mount one of the claims, such as a backup with media. Kubernetes keeps a claim as long as
 * a pod names it, also one that has ended, and the Job would keep its pod for a day.
 */
export function claimHolders(claims: readonly KubeObject[], { children }: StackSources): KubeObject[] {
  const keys = new Set(claims.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
  return children
    .flatMap(({ kind, cache }) => (kind.kind === 'Job' && keys.size > 0 ? cache.list() : []))
    .filter((job) => isComplete(job) || endOf(job, 'Failed'))
    .filter(({ metadata: { namespace }, spec }) =>
      (spec as PodVolumes | undefined)?.template?.spec?.volumes?.some(
        ({ persistentVolumeClaim: claim }) => claim && keys.has(`${namespace}/${claim.claimName}`),
      ),
    );
}
