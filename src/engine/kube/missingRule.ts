import type { ResourceKind } from './kubeObject.ts';

/** The refused request, and the rule of a Role or ClusterRole that would allow it. */
export function missingRule(
  kind: ResourceKind,
  namespace: string | undefined,
  verbs: readonly string[],
): string {
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
  const group = kind.apiVersion.includes('/') ? kind.apiVersion.split('/')[0] : '';
  const scope = namespace === undefined ? 'ClusterRole' : `Role${where}`;
  const list = verbs.map((verb) => `"${verb}"`).join(', ');
  return `${kind.plural}: not allowed${where}; add to the ${scope}: {apiGroups: ["${group}"], resources: ["${kind.plural}"], verbs: [${list}]}`;
}
