import type { KubeObject } from '../kube/kubeObject.ts';
import type { KubeRequest } from '../kube/transport.ts';
import { NotSimulated } from './notSimulated.ts';
import { type SimulatedKind, simulatedKind } from './schemas.ts';

/** The parsed form of an API path. */
export interface Target {
  readonly kind: SimulatedKind;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** @throws NotSimulated */
export function parseTarget(path: string): Target {
  const match =
    /^\/(?:api|apis)\/((?:[^/]+\/)?v[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
      path,
    );
  if (!match) throw new NotSimulated(`the path ${path}`);
  const [, apiVersion = '', namespace, plural = '', name, subresource] = match;
  const kind = simulatedKind(apiVersion, plural);
  if (subresource !== undefined && !(subresource === 'status' && kind.hasStatus))
    throw new NotSimulated(`the subresource ${subresource} of ${plural}`);
  return { kind, namespace, name, subresource };
}

/** Whether an object matches the selectors of a list or watch. @throws NotSimulated unless they have the form `a=b,c=d` */
export function matches({ metadata }: KubeObject, query: NonNullable<KubeRequest['query']>): boolean {
  const { labelSelector, fieldSelector } = query;
  if (fieldSelector !== undefined) throw new NotSimulated(`the field selector ${fieldSelector}`);
  if (labelSelector === undefined || labelSelector === '') return true;
  return String(labelSelector)
    .split(',')
    .every((requirement) => {
      const parts = /^([\w./-]+)=([\w.-]*)$/.exec(requirement);
      if (!parts) throw new NotSimulated(`the label selector ${requirement}`);
      return metadata.labels?.[parts[1] ?? ''] === parts[2];
    });
}
