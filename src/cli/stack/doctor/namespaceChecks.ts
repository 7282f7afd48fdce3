import { quantityOf } from '../../../operator/resource/quantity.ts';
import { type Check, check, type Finding, failed, ok, unknown, warning } from './check.ts';
import type { NamespaceValues, Responsibility } from './facts.ts';
import { plural } from './plural.ts';
import { operatorKey } from './responsibleOperator.ts';

const ask = check<NamespaceValues>();
const GROUP = 'Namespace';

/** Share of a quota from which on a restart may fail. */
const QUOTA_WARNING = 0.9;

export const namespaceChecks: readonly Check<NamespaceValues>[] = [
  ask({
    id: 'responsible',
    group: GROUP,
    asks: 'Which operator looks after the namespace?',
    rule: 'failed: none is installed, or none watches it; warning: several watch it, of which one waits, or the one that works in it is not the chosen one or is not known',
    mend: 'Add the namespace to `watch.namespaces` of one release, and remove it from the others: `helm upgrade`.',
    source:
      'Deployments of the operators (list in all namespaces, else in waba-operator-system), and the Lease waba-operator-namespace (get)',
    needs: ['responsible'],
    judge: ({ responsible }, { namespace }) => judgeResponsible(responsible, namespace),
  }),
  ask({
    id: 'operator-rights',
    group: GROUP,
    asks: 'Has the operator the rights that it needs in this namespace?',
    rule: 'failed: one of the rights of docs/permissions.md is missing',
    mend: '`kubectl waba namespace enable NAMESPACE`, or `helm upgrade` if the ClusterRole is of an older version.',
    source:
      'the API server is asked what the ServiceAccount of the operator may do (create localsubjectaccessreviews)',
    needs: ['rights', 'responsible'],
    judge: ({ rights, responsible: { operator, watching } }, { namespace }) => {
      const lacking = rights.filter(({ allowed }) => !allowed);
      if (lacking.length === 0)
        return ok(`the operator has all ${rights.length} rights in namespace ${namespace}`);
      const list = lacking.slice(0, 5).map(({ verb, resource }) => `${verb} ${resource}`);
      const more = lacking.length > list.length ? ` and ${lacking.length - list.length} more` : '';
      const one = operator && watching.length > 1 ? ` --operator ${operatorKey(operator)}` : '';
      return failed(
        `in namespace ${namespace} the operator may not ${list.join(', ')}${more}`,
        lacking.length === rights.length
          ? `kubectl waba namespace enable ${namespace}${one}`
          : 'the roles are of an older version: run `helm upgrade` for the release, or `kubectl apply -f deploy/install.yaml`',
      );
    },
  }),
  ask({
    id: 'quota',
    group: GROUP,
    asks: 'Does a ResourceQuota of the namespace leave room?',
    rule: 'warning: 90% of a quota are used, so that a pod that restarts beside the old one may be refused',
    mend: 'Raise the quota, or lower `resources` in spec: `kubectl -n NAMESPACE describe quota`.',
    source: 'ResourceQuotas (list)',
    needs: ['quotas'],
    judge: ({ quotas }, { namespace }) => {
      const tight = quotas.flatMap(({ metadata, status }) =>
        Object.entries(status?.hard ?? {}).flatMap(([resource, hard]) => {
          const used = status?.used?.[resource] ?? '0';
          return (quantityOf(used) ?? 0) >= QUOTA_WARNING * (quantityOf(hard) ?? Number.POSITIVE_INFINITY)
            ? [`ResourceQuota ${metadata.name}: ${used} of ${hard} ${resource} are used`]
            : [];
        }),
      );
      if (tight.length > 0)
        return warning(
          tight,
          `raise the quota, or lower resources in spec; \`kubectl -n ${namespace} describe quota\` shows what is used`,
        );
      return ok(
        quotas.length === 0
          ? 'the namespace has no quota'
          : `${plural(quotas.length, 'quota')}, each with room`,
      );
    },
  }),
];

function judgeResponsible(
  { operator, watching, elsewhere, holder }: Responsibility,
  namespace: string,
): Finding {
  const names = watching.map(operatorKey);
  if (holder !== undefined && operator && holder !== operatorKey(operator))
    return warning(
      `${holder} works in namespace ${namespace}, and operator ${operatorKey(operator)} waits until it stops`,
      `remove ${namespace} from watch.namespaces of one of the releases; \`kubectl waba doctor --operator ${holder}\` examines the one that works`,
    );
  if (holder !== undefined && !operator)
    return unknown(
      `the Lease of namespace ${namespace} is held by ${holder}, whose Deployment is gone or hidden from you`,
    );
  if (!operator)
    return elsewhere.length === 0
      ? failed('the cluster has no Deployment of the operator', 'install it, see docs/install.md')
      : failed(
          elsewhere.map(({ key, namespaces }) => `operator ${key} watches only ${namespaces.join(', ')}`),
          `add ${namespace} to watch.namespaces of a release, and run \`helm upgrade\``,
        );
  const key = operatorKey(operator);
  const others = names.filter((name) => name !== key);
  const works = holder === undefined ? 'watches' : 'works in';
  if (others.length > 0)
    return warning(
      [
        `operator ${key} ${works} namespace ${namespace}`,
        ...others.map((name) => `operator ${name} watches it too, and works in it when the other one stops`),
      ],
      `remove ${namespace} from watch.namespaces of all releases but one`,
    );
  return ok(`operator ${key} ${works} namespace ${namespace}`);
}
