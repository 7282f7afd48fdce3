import { type Check, check, type Finding, failed, ok, unknown, warning, worst } from './check.ts';
import type { ClockReading, ClusterValues, NodeObject } from './facts.ts';
import { isReady } from './isReady.ts';
import { plural } from './plural.ts';
import { missingFields, surplusFields } from './servedFields.ts';

const ask = check<ClusterValues>();

/** Webapps and Coreapps reject each other's requests beyond this. Source: docs/onprem/deployment.md §0.15. */
const CLOCK_LIMIT_MS = 10_000;
/** Between two clocks of which each may be off. */
const CLOCK_WARNING_MS = 2_000;

/** Least minor version of Kubernetes 1.x that the operator supports. */
const LEAST_MINOR = 32;

export const clusterChecks: readonly Check<ClusterValues>[] = [
  ask({
    id: 'kubernetes-version',
    group: 'Cluster',
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
    group: 'Cluster',
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
      if (troubles.length === 0) return ok(`${plural(nodes.length, 'node')} ready`);
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
    mend: '`kubectl -n kube-system describe pod -l k8s-app=kube-dns`, and look at its log.',
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
