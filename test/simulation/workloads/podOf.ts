import type { KubeObject } from '../../../src/engine/kube/kubeObject.ts';

/** A pod from the template of its controller. */
export function podOf(
  owner: KubeObject,
  pod: {
    readonly name: string;
    readonly namespace: string | undefined;
    readonly template: object;
    readonly labels: Readonly<Record<string, string>>;
  },
): KubeObject {
  const { metadata = {}, ...rest } = structuredClone(pod.template) as {
    metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...rest,
    metadata: {
      ...metadata,
      name: pod.name,
      ...(pod.namespace === undefined ? {} : { namespace: pod.namespace }),
      labels: { ...metadata.labels, ...pod.labels },
      ownerReferences: [
        {
          apiVersion: owner.apiVersion,
          kind: owner.kind,
          name: owner.metadata.name,
          uid: owner.metadata.uid ?? '',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
  };
}
