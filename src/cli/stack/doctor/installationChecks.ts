import type { PodObject } from '../../../operator/state/podObject.ts';
import { podProblem } from '../../../operator/state/podProblem.ts';
import { type Check, check, failed, ok, unknown, warning } from './check.ts';
import { clusterChecks } from './clusterChecks.ts';
import type { InstallationValues } from './facts.ts';
import { plural } from './plural.ts';
import { missingFields, surplusFields } from './servedFields.ts';

const ask = check<InstallationValues>();

/** Least minor version of Kubernetes 1.x that the operator supports. */
const LEAST_MINOR = 32;
/** A Lease that was not renewed for this many times its duration has no holder that works. */
const LEASE_PATIENCE = 2;

const operatorChecks: readonly Check<InstallationValues>[] = [
  ask({
    id: 'kubernetes-version',
    group: 'Installation',
    asks: 'Is the version of Kubernetes supported?',
    rule: 'failed: older than 1.32',
    mend: 'Upgrade the cluster.',
    source: '`/version` of the API server',
    needs: ['serverVersion'],
    judge: ({ serverVersion: { major, minor, text } }) =>
      major > 1 || minor >= LEAST_MINOR
        ? ok(`Kubernetes ${text}`)
        : failed(
            `Kubernetes ${text} is older than 1.${LEAST_MINOR}`,
            `upgrade the cluster to Kubernetes 1.${LEAST_MINOR} or later`,
          ),
  }),
  ask({
    id: 'crd',
    group: 'Installation',
    asks: 'Does the cluster serve the kind WhatsAppDeployment with all fields of this version?',
    rule: 'failed: the kind or fields are missing; warning: it has fields that this program does not know',
    mend: '`helm upgrade` the release, which upgrades the CRDs, or `kubectl apply --server-side -f crds/`.',
    source: 'the OpenAPI document of the API server, which everybody may read',
    needs: ['servedFields'],
    judge: ({ servedFields }) => {
      const install =
        'run `helm upgrade` for the release, or `kubectl apply --server-side -f crds/` of this version';
      if (!servedFields)
        return failed(
          'the cluster does not serve the kind WhatsAppDeployment',
          'install the operator and its CRDs, see docs/install.md',
        );
      const missing = missingFields(servedFields);
      if (missing.length > 0)
        return failed(
          `the CRD is of an older version: it lacks ${plural(missing.length, 'field')}, such as ${missing[0]}`,
          install,
        );
      const surplus = surplusFields(servedFields);
      if (surplus.length > 0)
        return warning(
          `the CRD is of a newer version than this program: it has ${plural(surplus.length, 'more field')}, such as ${surplus[0]}`,
          'use the kubectl-waba of the installed operator; `kubectl waba version` names its version',
        );
      return ok(`the CRD serves all ${servedFields.length} fields`);
    },
  }),
  ask({
    id: 'operator',
    group: 'Installation',
    asks: 'Does the operator run?',
    rule: 'failed: no Deployment, or no pod of it is ready; warning: some pods are not ready',
    mend: 'Scale the Deployment up, or correct what the pod waits for: `kubectl -n waba-operator-system describe pod -l app.kubernetes.io/component=operator`.',
    source: 'Deployments and Pods of the namespace of the operator (list)',
    needs: ['operators', 'operatorPods'],
    judge: ({ operators, operatorPods }) => {
      const [operator] = operators;
      if (!operator)
        return failed('the cluster has no Deployment of the operator', 'install it, see docs/install.md');
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
    group: 'Installation',
    asks: 'Have the operator and this program the same version?',
    rule: 'warning: they differ, or there are several operators of different versions',
    mend: 'Use the `kubectl-waba` of the version of the operator, or upgrade the operator.',
    source: 'labels of the Deployments of the operator (list)',
    needs: ['operators', 'ownVersion'],
    judge: ({ operators, ownVersion }) => {
      if (operators.length === 0) return unknown('the cluster has no Deployment of the operator');
      const versions = operators.map(({ metadata }) => ({
        who: `operator ${metadata.namespace}/${metadata.name}`,
        version: metadata.labels?.['app.kubernetes.io/version'] ?? 'of unknown version',
      }));
      const evidence = versions.map(({ who, version }) => `${who} ${version}`);
      return versions.every(({ version }) => version === ownVersion)
        ? ok(...evidence)
        : warning(
            [...evidence, `this program is ${ownVersion}`],
            'use the kubectl-waba of the version of the operator, or upgrade the operator: docs/install.md',
          );
    },
  }),
  ask({
    id: 'leader',
    group: 'Installation',
    asks: 'Is one pod of the operator the leader, and does it renew its Lease?',
    rule: 'failed: the Lease is missing, has no holder, its holder is no pod, or it was not renewed for twice its duration',
    mend: 'Look at the log of the operator: `kubectl -n waba-operator-system logs -l app.kubernetes.io/component=operator`.',
    source: 'the Lease and the Pods in the namespace of the operator (get leases, list pods)',
    needs: ['lease', 'operators', 'operatorPods'],
    judge: ({ lease, operators, operatorPods }, { nowMs }) => {
      const [operator] = operators;
      if (!operator) return unknown('the cluster has no Deployment of the operator');
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
      return operatorPods.some(({ metadata }) => holderIdentity.startsWith(metadata.name))
        ? ok(`${holderIdentity} leads, and renewed its Lease ${age}`)
        : failed(
            `Lease ${namespace}/${name} is held by ${holderIdentity}, which is no pod of the operator`,
            logs,
          );
    },
  }),
  ask({
    id: 'operator-rights',
    group: 'Installation',
    asks: 'Has the operator the rights that it needs in this namespace?',
    rule: 'failed: one of the rights of docs/permissions.md is missing',
    mend: '`kubectl waba namespace enable NAMESPACE`, or `helm upgrade` if the ClusterRole is of an older version.',
    source:
      'the API server is asked what the ServiceAccount of the operator may do (create localsubjectaccessreviews)',
    needs: ['rights'],
    judge: ({ rights }, { namespace }) => {
      const lacking = rights.filter(({ allowed }) => !allowed);
      if (lacking.length === 0)
        return ok(`the operator has all ${rights.length} rights in namespace ${namespace}`);
      const list = lacking.slice(0, 5).map(({ verb, resource }) => `${verb} ${resource}`);
      const more = lacking.length > list.length ? ` and ${lacking.length - list.length} more` : '';
      return failed(
        `in namespace ${namespace} the operator may not ${list.join(', ')}${more}`,
        lacking.length === rights.length
          ? `kubectl waba namespace enable ${namespace}`
          : 'the roles are of an older version: run `helm upgrade` for the release, or `kubectl apply -f deploy/install.yaml`',
      );
    },
  }),
];

export const installationChecks: readonly Check<InstallationValues>[] = [...operatorChecks, ...clusterChecks];

const troubleOf = (pod: PodObject): string | undefined => {
  const found = podProblem(pod);
  return found && `Pod ${pod.metadata.name}: ${found.problem.text}`;
};
