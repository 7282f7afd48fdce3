import { readFile } from 'node:fs/promises';
import { loadAll } from 'js-yaml';
import { ApiError } from '../../src/engine/kube/apiError.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import type { KubeRequest } from '../../src/engine/kube/transport.ts';
import { parseTarget } from '../../src/engine/simulation/target.ts';
import type { account } from './accounts.ts';

type Rules = Parameters<typeof account>[4];

type Role = KubeObject & { rules: Rules };

/** The chart's tests compare these files with the chart. */
const rolesOf = async (golden: string, kind: 'Role' | 'ClusterRole'): Promise<Role[]> =>
  (loadAll(await readFile(`test/chart/goldens/${golden}.yaml`, 'utf8')) as (Role | null)[]).filter(
    (object): object is Role => object?.kind === kind,
  );

/** The rights that the chart gives in each namespace that it lists. */
export async function chartRules(): Promise<Rules> {
  const roles = await rolesOf('listed-namespaces', 'Role');
  const role = roles.find(({ metadata }) => metadata.namespace === 'shop');
  if (!role) throw new Error('the chart gives no Role in a listed namespace');
  return role.rules;
}

/** The rights that the chart gives in an enabled namespace if all operators of databases are allowed. */
export const chartRulesWithDatabases = async (): Promise<Rules> =>
  (await rolesOf('everything', 'ClusterRole')).flatMap(({ rules }) => rules);

const VERBS = { GET: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const;

/** Throws what the API server answers to a request for an object that the rules do not allow. */
export const withinRules =
  (rules: Rules) =>
  ({ method, path }: KubeRequest): void => {
    const { apiVersion, plural } = parseTarget(path).kind.kind;
    const [group = ''] = apiVersion.includes('/') ? apiVersion.split('/') : [''];
    const isAllowed = rules.some(
      ({ apiGroups, resources, verbs }) =>
        apiGroups.includes(group) && resources.includes(plural) && verbs.includes(VERBS[method]),
    );
    if (!isAllowed) throw new ApiError(403, { reason: 'Forbidden' }, `${method} ${path}`);
  };
