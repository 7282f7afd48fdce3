import { NODE_PORTS } from '../../../onprem/environment.ts';
import { labels, MANAGED_BY } from '../facts/names.ts';

/** Parts of NetworkPolicies. */

/** `podSelector` of roles of a stack. */
export const podsOf = (stack: string, components: readonly string[]) => ({
  matchLabels: { [labels.instance]: stack, ...MANAGED_BY },
  matchExpressions: [{ key: labels.component, operator: 'In', values: components }],
});

const numbers = Object.values(NODE_PORTS);
export const NODE_PORT_RANGE = { protocol: 'TCP', port: Math.min(...numbers), endPort: Math.max(...numbers) };

export const tcp = (port: number) => ({ protocol: 'TCP', port });

export const namespaceNamed = (name: string) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
});
