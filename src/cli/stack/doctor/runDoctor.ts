import { systemClock } from '../../../base/clock.ts';
import { CodedError } from '../../../base/codedError.ts';
import { Gate } from '../../../base/gate.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { parseWhatsAppDeployment } from '../../../operator/resource/whatsAppDeployment.ts';
import { WhatsAppDeploymentKind } from '../../../operator/state/stackSources.ts';
import { type ClusterAccess, type ClusterOptions, clusterFlags } from '../../clusterAccess.ts';
import type { CliContext } from '../../context.ts';
import { isUnknownKind } from '../../explainError.ts';
import { runProgram } from '../../program.ts';
import { findStack } from '../getStack.ts';
import { reachService } from '../reachService.ts';
import type { Known } from './check.ts';
import { stackChecks } from './checks.ts';
import { clusterChecks } from './clusterChecks.ts';
import type { DeploymentObject, Responsibility } from './facts.ts';
import type { Gatherer } from './gather.ts';
import { gatherCluster } from './gatherCluster.ts';
import { gatherNamespace } from './gatherNamespace.ts';
import { gatherOperator, gatherOperators } from './gatherOperator.ts';
import { gatherStack } from './gatherStack.ts';
import type { Mask } from './mask.ts';
import { namespaceChecks } from './namespaceChecks.ts';
import { operatorChecks } from './operatorChecks.ts';
import { type CheckResult, judged, type Report, reportOf, type Section } from './report.ts';
import { operatorKey } from './responsibleOperator.ts';

/** Namespaces and stacks that are looked at together: each takes a few connections. */
const AT_ONCE = 4;

export interface DoctorRequest {
  readonly cluster: ClusterOptions;
  /** The stack; all of the namespace without one. */
  readonly name?: string | undefined;
  /** Stacks of all namespaces. */
  readonly allNamespaces?: boolean | undefined;
  /** Only stacks with these labels. */
  readonly selector?: string | undefined;
  /** The operator, as `namespace/name`, if the cluster has several. */
  readonly operator?: string | undefined;
  readonly mask: Mask;
}

/**
 * Asks every question about the cluster, the operators, the namespaces and the stacks. Changes nothing.
 * @throws CodedError `NotFound`, ApiError
 */
export async function runDoctor(
  access: ClusterAccess,
  request: DoctorRequest,
  context: Pick<CliContext, 'signal' | 'version'>,
): Promise<Report> {
  const { mask, operator: wanted } = request;
  const { signal, version: ownVersion } = context;
  const stored = await storedStacks(access, request, signal);
  const namespaces =
    stored.length > 0
      ? [...new Set(stored.map(({ metadata }) => metadata.namespace ?? access.namespace))]
      : [access.namespace];
  const gathererOf = (namespace: string) => gathererFor({ ...access, namespace }, request);
  const gatherer = gathererOf(access.namespace);
  const [cluster, operators] = await Promise.all([
    gatherCluster(gatherer, signal),
    gatherOperators(gatherer, wanted, signal),
  ]);
  const { ownClock } = cluster;
  const serverAheadMs = 'value' in ownClock ? -ownClock.value.aheadMs : 0;
  const nowMs = systemClock.now() + serverAheadMs;
  // The commands of remedies must work as they stand, with the namespace that the context of the user has.
  const isElsewhere = request.allNamespaces === true || request.cluster.namespace !== undefined;
  const gate = new Gate({ atOnce: AT_ONCE, longestQueue: Number.POSITIVE_INFINITY });
  const each = <T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> =>
    Promise.all(items.map((item) => gate.run(() => task(item))));
  const [spaces, stacks] = await Promise.all([
    each(namespaces, async (namespace) => ({
      namespace,
      facts: await gatherNamespace(
        gathererOf(namespace),
        { operators, isChosen: wanted !== undefined, nowMs },
        signal,
      ),
    })),
    each(stored, async (object): Promise<Section> => {
      const { name, namespace = access.namespace } = object.metadata;
      const parsed = parseWhatsAppDeployment(object);
      if (!parsed.ok) return { of: 'stack', namespace, name, checks: [notUnderstood(parsed.problems)] };
      const { resource } = parsed;
      const facts = await gatherStack(
        gathererOf(namespace),
        { stored: object, resource },
        serverAheadMs,
        signal,
      );
      // By the time that it took, other stacks may have kept it waiting.
      const about = { namespace, name, nowMs: systemClock.now() + serverAheadMs };
      const checks = judged(stackChecks, facts, about);
      return { of: 'stack', namespace, name, checks: isElsewhere ? checks.map(placedIn(namespace)) : checks };
    }),
  ]);
  const inCharge = operatorsInCharge(
    operators,
    spaces.map(({ facts }) => facts.responsible),
  );
  const working = await each(inCharge, async (operator): Promise<Section> => {
    const facts = await gatherOperator(gatherer, { ownVersion, operator }, signal);
    const { name, namespace = '' } = 'value' in operator ? operator.value.metadata : {};
    const about = { namespace, name: name ?? '', nowMs: systemClock.now() + serverAheadMs };
    const who = name === undefined ? {} : { namespace, name };
    return { of: 'operator', ...who, checks: judged(operatorChecks, facts, about) };
  });
  return mask.deep(
    reportOf([
      { of: 'cluster', checks: judged(clusterChecks, cluster, { namespace: '', name: '', nowMs }) },
      ...working,
      ...spaces.map(
        ({ namespace, facts }): Section => ({
          of: 'namespace',
          namespace,
          checks: judged(namespaceChecks, facts, { namespace, name: '', nowMs }),
        }),
      ),
      ...stacks,
    ]),
  );
}

/** The operators that matter to the namespaces. One that is not known stands for all. */
function operatorsInCharge(
  operators: Known<readonly DeploymentObject[]>,
  responsible: readonly Known<Responsibility>[],
): readonly Known<DeploymentObject>[] {
  if ('unknown' in operators) return [operators];
  const keys = new Set(
    responsible.flatMap((each) => {
      if ('unknown' in each) return operators.value.map(operatorKey);
      const { operator, watching } = each.value;
      return [...(operator ? [operator] : []), ...watching].map(operatorKey);
    }),
  );
  return operators.value.filter((each) => keys.has(operatorKey(each))).map((value) => ({ value }));
}

/** The same answer, whose commands name the namespace. */
const placedIn =
  (namespace: string) =>
  (check: CheckResult): CheckResult =>
    check.remedy === undefined
      ? check
      : { ...check, remedy: check.remedy.replace(/\bkubectl (waba )?(?!waba |-n )/g, `$&-n ${namespace} `) };

/** How to look at one namespace. */
function gathererFor(access: ClusterAccess, { cluster, mask }: DoctorRequest): Gatherer {
  const { client, namespace } = access;
  return {
    client,
    namespace,
    clock: systemClock,
    mask,
    reach: (service, until) => reachService(access, cluster, service, { signal: until }),
    exec: async ({ pod, container }, command, until) => {
      const target = ['-n', namespace, pod, '-c', container];
      const args = ['exec', ...clusterFlags(cluster), ...target, '--', ...command];
      try {
        return await runProgram('kubectl', args, {}, until);
      } catch (error) {
        if (!(error instanceof CodedError) || error.code !== 'ProgramFailed') throw error;
        throw new CodedError('ExecFailed', execProblem(pod, namespace, error.message));
      }
    },
  };
}

/** As the API server has them. None if it does not serve the kind, which a check reports. */
async function storedStacks(
  access: ClusterAccess,
  { name, allNamespaces, selector }: DoctorRequest,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  try {
    if (name !== undefined) return [await findStack(access, name, signal)];
    const where = {
      ...(allNamespaces ? {} : { namespace: access.namespace }),
      ...(selector ? { labelSelector: selector } : {}),
    };
    return (await access.client.list<KubeObject>(WhatsAppDeploymentKind, where, signal)).items;
  } catch (error) {
    if (isUnknownKind(error)) return [];
    throw error;
  }
}

/** The last line that kubectl printed says it; the command line before it says nothing new. */
const execProblem = (pod: string, namespace: string, said: string): string =>
  said.includes('(Forbidden)')
    ? `needs the right to create pods/exec in namespace ${namespace}`
    : `kubectl exec in Pod ${pod}: ${said.trim().split('\n').at(-1)}`;

const notUnderstood = (problems: readonly { readonly path: string; readonly message: string }[]) => ({
  id: 'spec',
  group: 'State',
  verdict: 'failed' as const,
  evidence: problems.map(({ path, message }) => `this program does not understand ${path}: ${message}`),
  remedy: 'use the kubectl-waba of the installed operator; `kubectl waba version` names its version',
});
