import type { KubeObject } from '../../../engine/kube/kubeObject.ts';

/**
 * Whether pods take a new template as soon as it is written: those of a Deployment, and of a StatefulSet that does not leave
 * them to the operator.
 */
export const rollsByItself = ({ kind, spec }: KubeObject): boolean =>
  kind === 'Deployment' ||
  (kind === 'StatefulSet' &&
    (spec as { readonly updateStrategy?: { readonly type?: string } } | undefined)?.updateStrategy?.type ===
      'RollingUpdate');
