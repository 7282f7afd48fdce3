import type { LeaseObject } from '../../../engine/kube/leaderElection.ts';
import type { DeploymentObject, Responsibility } from './facts.ts';

/** `namespace/name` */
export const operatorKey = ({ metadata }: DeploymentObject): string =>
  `${metadata.namespace}/${metadata.name}`;

/** The value of an argument `--name=value` of the operator. */
const argumentOf = ({ spec }: DeploymentObject, name: string): string | undefined =>
  (spec.template.spec.containers ?? [])
    .flatMap(({ args = [] }) => args)
    .find((arg) => arg.startsWith(`--${name}=`))
    ?.slice(name.length + 3);

/** The namespaces that an operator watches; none means all. */
const watchedBy = (operator: DeploymentObject): string[] =>
  (argumentOf(operator, 'namespaces') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);

/** The identity with which an operator claims namespaces. */
const installationOf = (operator: DeploymentObject): string =>
  `${operator.metadata.namespace}/${argumentOf(operator, 'installation') ?? operator.metadata.name}`;

/**
 * Who looks after a namespace: the operator that the user chose, else the one that holds the Lease of the namespace, else
 * the first one that watches it.
 */
export function responsibleOperator({
  operators,
  claim,
  namespace,
  isChosen,
  nowMs,
}: {
  readonly operators: readonly DeploymentObject[];
  /** The Lease by which an installation claims the namespace. */
  readonly claim: LeaseObject | undefined;
  readonly namespace: string;
  /** The user chose the operators. */
  readonly isChosen: boolean;
  readonly nowMs: number;
}): Responsibility {
  const watching = operators.filter((operator) => {
    const watched = watchedBy(operator);
    return watched.length === 0 || watched.includes(namespace);
  });
  const elsewhere = operators
    .filter((operator) => !watching.includes(operator))
    .map((operator) => ({ key: operatorKey(operator), namespaces: watchedBy(operator) }));
  const { holderIdentity, renewTime, leaseDurationSeconds = 0 } = claim?.spec ?? {};
  const isAlive = renewTime !== undefined && Date.parse(renewTime) + leaseDurationSeconds * 1000 > nowMs;
  const holder = isAlive && holderIdentity ? holderIdentity : undefined;
  const holding = operators.find((operator) => installationOf(operator) === holder);
  const operator = isChosen ? operators[0] : (holding ?? watching[0]);
  return { operator, watching, elsewhere, holder: holding ? operatorKey(holding) : holder };
}
