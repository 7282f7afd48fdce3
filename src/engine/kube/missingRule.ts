import type { ResourceKind } from './kubeObject.ts';

/** What was refused, and the rule that would allow it, as it stands in a Role or ClusterRole. */
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
