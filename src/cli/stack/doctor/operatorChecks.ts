import { isSharedIdentity } from '../../../engine/kube/sharedLease.ts';
import type { PodObject } from '../../../operator/state/podObject.ts';
import { podProblem } from '../../../operator/state/podProblem.ts';
import { type Check, check, failed, ok, warning } from './check.ts';
import type { OperatorValues } from './facts.ts';

const ask = check<OperatorValues>();

/** A Lease that was not renewed for this many times its duration has no holder that works. */
const LEASE_PATIENCE = 2;

export const operatorChecks: readonly Check<OperatorValues>[] = [
  ask({
    id: 'operator',
    group: 'Operator',
    asks: 'Does the operator run?',
    rule: 'failed: no pod of it is ready; warning: some pods are not ready',
    mend: 'Scale the Deployment up, or correct what the pod waits for: `kubectl -n waba-operator-system describe pod -l app.kubernetes.io/component=operator`.',
    source: 'Deployments and Pods of the namespace of the operator (list)',
    needs: ['operator', 'operatorPods'],
    judge: ({ operator, operatorPods }) => {
      const { name, namespace } = operator.metadata;
      const wanted = operator.spec.replicas ?? 1;
      const ready = operator.status?.readyReplicas ?? 0;
      const evidence = [
        `${ready} of ${wanted} pods of Deployment ${namespace}/${name} are ready`,
        ...operatorPods.flatMap((pod) => troubleOf(pod) ?? []),
      ];
      if (wanted === 0)
        return failed(
          `Deployment ${namespace}/${name} has no replicas, so nobody looks after the stacks`,
          `kubectl -n ${namespace} scale deployment ${name} --replicas=1`,
        );
      if (ready >= wanted) return ok(...evidence);
      const look = `kubectl -n ${namespace} describe pod -l app.kubernetes.io/component=operator`;
      return ready === 0 ? failed(evidence, look) : warning(evidence, look);
    },
  }),
  ask({
    id: 'operator-version',
    group: 'Operator',
    asks: 'Have the operator and this program the same version?',
    rule: 'warning: they differ',
    mend: 'Use the `kubectl-waba` of the version of the operator, or upgrade the operator.',
    source: 'a label of the Deployment of the operator (list)',
    needs: ['operator', 'ownVersion'],
    judge: ({ operator: { metadata }, ownVersion }) => {
      const version = metadata.labels?.['app.kubernetes.io/version'] ?? 'of unknown version';
      const evidence = `operator ${metadata.namespace}/${metadata.name} ${version}`;
      return version === ownVersion
        ? ok(evidence)
        : warning(
            [evidence, `this program is ${ownVersion}`],
            'use the kubectl-waba of the version of the operator, or upgrade the operator: docs/install.md',
          );
    },
  }),
  ask({
    id: 'leader',
    group: 'Operator',
    asks: 'Is one pod of the operator the leader, or do several share the work, and is the Lease renewed?',
    rule: 'failed: the Lease is missing, has no holder, its holder is no pod, or it was not renewed for twice its duration',
    mend: 'Look at the log of the operator: `kubectl -n waba-operator-system logs -l app.kubernetes.io/component=operator`.',
    source: 'the Lease and the Pods in the namespace of the operator (get leases, list pods)',
    needs: ['lease', 'operator', 'operatorPods'],
    judge: ({ lease, operator, operatorPods }, { nowMs }) => {
      const { name, namespace } = operator.metadata;
      const logs = `kubectl -n ${namespace} logs -l app.kubernetes.io/component=operator`;
      if (!lease)
        return failed(
          `Lease ${namespace}/${name} does not exist`,
          'run `helm upgrade` for the release, which creates it, or `kubectl apply -f deploy/install.yaml`',
        );
      const { holderIdentity, renewTime, leaseDurationSeconds = 15 } = lease.spec ?? {};
      if (!holderIdentity || !renewTime)
        return failed(`no pod holds Lease ${namespace}/${name}, so no operator acts`, logs);
      const ageMs = nowMs - Date.parse(renewTime);
      const age = `${Math.max(0, Math.round(ageMs / 1000))} s ago`;
      if (ageMs > LEASE_PATIENCE * leaseDurationSeconds * 1000)
        return failed(`Lease ${namespace}/${name} was last renewed ${age}, by ${holderIdentity}`, logs);
      if (isSharedIdentity(holderIdentity))
        return ok(`the pods of the operator share ${holderIdentity}, and renewed their Lease ${age}`);
      return operatorPods.some(({ metadata }) => holderIdentity.startsWith(metadata.name))
        ? ok(`${holderIdentity} leads, and renewed its Lease ${age}`)
        : failed(
            `Lease ${namespace}/${name} is held by ${holderIdentity}, which is no pod of the operator`,
            logs,
          );
    },
  }),
];

const troubleOf = (pod: PodObject): string | undefined => {
  const found = podProblem(pod);
  return found && `Pod ${pod.metadata.name}: ${found.problem.text}`;
};
