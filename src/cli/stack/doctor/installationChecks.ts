import { quantityOf } from '../../../operator/resource/quantity.ts';
import type { PodObject } from '../../../operator/state/podObject.ts';
import { podProblem } from '../../../operator/state/podProblem.ts';
import { type Check, check, type Finding, failed, ok, unknown, warning, worst } from './check.ts';
import type { ClockReading, InstallationValues, NodeObject } from './facts.ts';
import { missingFields, surplusFields } from './servedFields.ts';

const ask = check<InstallationValues>();

/** Least minor version of Kubernetes 1.x that the operator supports. */
const LEAST_MINOR = 32;
/** Webapps and Coreapps reject each other's requests beyond this. Source: docs/onprem/deployment.md §9. */
const CLOCK_LIMIT_MS = 10_000;
/** Between two clocks of which each may be off. */
const CLOCK_WARNING_MS = 2_000;
/** Share of a quota from which on a restart may fail. */
const QUOTA_WARNING = 0.9;
/** A Lease that was not renewed for this many times its duration has no holder that works. */
const LEASE_PATIENCE = 2;

export const installationChecks: readonly Check<InstallationValues>[] = [
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
          `the CRD is of an older version: it lacks ${missing.length} fields, such as ${missing[0]}`,
          install,
        );
      const surplus = surplusFields(servedFields);
      if (surplus.length > 0)
        return warning(
          `the CRD is of a newer version than this program: it has ${surplus.length} more fields, such as ${surplus[0]}`,
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
  ask({
    id: 'quota',
    group: 'Cluster',
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
      return ok(quotas.length === 0 ? 'the namespace has no quota' : `${quotas.length} quotas leave room`);
    },
  }),
  ask({
    id: 'nodes',
    group: 'Cluster',
    asks: 'Are the nodes of the cluster healthy?',
    rule: 'failed: no node takes pods; warning: a node is not ready, under pressure of disk, memory or processes, or takes no pods',
    mend: '`kubectl describe node NODE`; `kubectl uncordon NODE` for one that was cordoned.',
    source: 'Nodes (list, a right of the cluster)',
    needs: ['nodes'],
    judge: ({ nodes }) => {
      const troubles = nodes.flatMap((node) => nodeTroubles(node).map((text) => ({ node, text })));
      const useful = nodes.filter((node) => nodeTroubles(node).length === 0);
      if (troubles.length === 0) return ok(`all ${nodes.length} nodes are ready`);
      const evidence = troubles.map(({ node, text }) => `Node ${node.metadata.name} ${text}`);
      const [first] = troubles;
      const name = first?.node.metadata.name ?? '';
      const remedy = first?.node.spec?.unschedulable
        ? `kubectl uncordon ${name}`
        : `kubectl describe node ${name}`;
      return useful.length === 0
        ? failed([...evidence, 'no node takes pods that restart'], remedy)
        : warning(evidence, remedy);
    },
  }),
  ask({
    id: 'node-clocks',
    group: 'Cluster',
    asks: 'Do the clocks of the nodes agree?',
    rule: 'failed: a clock differs by more than 10 s, beyond which Webapps and Coreapps refuse each other; warning: by more than 2 s',
    mend: 'Correct the time service on the node, such as `systemctl status systemd-timesyncd` or `chronyc tracking`.',
    source: 'Leases in namespace kube-node-lease, which each kubelet renews by its own clock (list)',
    needs: ['nodeClocks'],
    judge: ({ nodeClocks }) =>
      worstClock(nodeClocks, 'correct the time service on that node: `chronyc tracking`'),
  }),
  ask({
    id: 'own-clock',
    group: 'Cluster',
    asks: 'Does the clock of this machine agree with that of the API server?',
    rule: 'warning: it differs by more than 2 s, so that ages in the output of kubectl are wrong',
    mend: 'Correct the time service on this machine.',
    source: 'a SelfSubjectReview, which everybody may ask for',
    needs: ['ownClock'],
    judge: ({ ownClock }) => {
      const found = worstClock([ownClock], 'correct the time service on this machine');
      return found?.verdict === 'failed' ? { ...found, verdict: 'warning' } : found;
    },
  }),
  ask({
    id: 'cluster-dns',
    group: 'Cluster',
    asks: 'Does the DNS of the cluster run?',
    rule: 'failed: no pod of it is ready; warning: some are not',
    mend: '`kubectl -n kube-system rollout restart deployment coredns`, and look at its log.',
    source: 'Pods with the label k8s-app=kube-dns in namespace kube-system (list)',
    needs: ['dnsPods'],
    judge: ({ dnsPods }) => {
      if (dnsPods.length === 0)
        return unknown(
          'namespace kube-system has no pods with the label k8s-app=kube-dns; the cluster may use another DNS',
        );
      const ready = dnsPods.filter(isReady).length;
      const evidence = `${ready} of ${dnsPods.length} DNS pods are ready`;
      const remedy = 'kubectl -n kube-system describe pod -l k8s-app=kube-dns';
      if (ready === 0) return failed(evidence, remedy);
      return ready < dnsPods.length ? warning(evidence, remedy) : ok(evidence);
    },
  }),
];

export const isReady = ({ status }: PodObject): boolean =>
  status?.conditions?.some(({ type, status: met }) => type === 'Ready' && met === 'True') ?? false;

const troubleOf = (pod: PodObject): string | undefined => {
  const found = podProblem(pod);
  return found && `Pod ${pod.metadata.name}: ${found.problem.text}`;
};

/** Conditions of a node that are bad when they are True. */
const PRESSURES: readonly string[] = ['DiskPressure', 'MemoryPressure', 'PIDPressure', 'NetworkUnavailable'];

function nodeTroubles({ spec, status }: NodeObject): string[] {
  const conditions = status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  return [
    ...(ready?.status === 'True' ? [] : [`is not ready${ready?.message ? `: ${ready.message}` : ''}`]),
    ...(spec?.unschedulable ? ['is cordoned: it takes no pods'] : []),
    ...conditions
      .filter(({ type, status: met }) => PRESSURES.includes(type) && met === 'True')
      .map(({ type, message }) => `has ${type}${message ? `: ${message}` : ''}`),
  ];
}

/** Judges clocks by what they differ for certain, whatever the error of the reading. */
export function worstClock(clocks: readonly ClockReading[], remedy: string): Finding | undefined {
  return worst(
    clocks.map(({ whose, aheadMs, errorMs }) => {
      const surely = Math.max(0, Math.abs(aheadMs) - errorMs);
      const evidence = `the clock of ${whose} is ${seconds(surely)} ${aheadMs > 0 ? 'ahead of' : 'behind'} that of the API server`;
      if (surely > CLOCK_LIMIT_MS) return failed(evidence, remedy);
      if (surely > CLOCK_WARNING_MS) return warning(evidence, remedy);
      return ok(`the clock of ${whose} is right within ${seconds(Math.max(errorMs, CLOCK_WARNING_MS))}`);
    }),
  );
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
