import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { splitNodeKey } from '../../../onprem/health.ts';
import { componentOf, isNode, labels, names } from '../../../operator/plan/facts/names.ts';
import { counts } from '../../../operator/plan/facts/stackSettings.ts';
import type { WhatsAppDeployment } from '../../../operator/resource/whatsAppDeployment.ts';
import { podView } from '../../../operator/state/podView.ts';
import { type Check, check, type Finding, failed, ok, unknown, warning, worst } from './check.ts';
import type { EndedContainer, StackPod, StackValues } from './facts.ts';
import { fromCondition } from './fromCondition.ts';
import { isReady } from './isReady.ts';
import { plural } from './plural.ts';
import { conditionCheck } from './stateChecks.ts';

const ask = check<StackValues>();
const GROUP = 'Nodes';

/** A pod that starts is no trouble for as long. */
const STARTING_MS = 60_000;
/** Restarts before that are history. */
const RECENT_MS = 60 * 60_000;

export const nodeChecks: readonly Check<StackValues>[] = [
  ask({
    id: 'pods',
    group: GROUP,
    asks: 'Does every pod of the stack run, and why does one not?',
    rule: 'failed: a pod cannot run or is missing; warning: it is starting',
    mend: 'Correct what the evidence names: `kubectl describe pod POD`.',
    source: 'Pods and Events (list), and the condition WorkloadsReady',
    wadebug: ['containers_status'],
    needs: ['pods', 'resource', 'warnings'],
    judge: ({ pods, resource, warnings }, about) => {
      if (resource.spec.hibernated) return unknown('the stack hibernates, so it has no pods');
      const findings = pods.flatMap(
        (pod) => podFinding(pod, { warnings, nowMs: about.nowMs, namespace: about.namespace }) ?? [],
      );
      const workloads = fromCondition(resource, 'WorkloadsReady', about);
      // Until the database has its schema there are no nodes, and that is as it should be.
      const hasNodes = workloads.verdict !== 'unknown';
      const missing = missingRoles(resource, pods, hasNodes).map((text) => {
        const why = warnings.find(({ reason }) => reason === 'FailedCreate');
        return failed(
          `${text}${why ? `; ${why.object}: ${why.message}` : ''}`,
          why ? 'correct what the message names' : `\`kubectl waba events ${about.name}\` shows why`,
        );
      });
      const trouble = worst([...findings, ...missing]);
      if (trouble) return trouble;
      return workloads.verdict === 'ok'
        ? ok(`${plural(pods.filter((pod) => isNode(componentOf(pod))).length, 'node')} ready`)
        : workloads;
    },
  }),
  ask({
    id: 'restarts',
    group: GROUP,
    asks: 'Has a container ended by itself within the last hour?',
    rule: 'warning: one has',
    mend: '`kubectl logs POD --previous`.',
    source: 'Pods (list)',
    needs: ['pods'],
    judge: ({ pods }, { namespace, nowMs }) => {
      const ended = pods.flatMap(({ metadata, status }) =>
        ((status?.containerStatuses ?? []) as readonly EndedContainer[]).flatMap(
          ({ name, restartCount = 0, lastState }) => {
            const last = lastState?.terminated;
            const isRecent =
              last?.finishedAt !== undefined && nowMs - Date.parse(last.finishedAt) < RECENT_MS;
            if (!last || !isRecent) return [];
            const how =
              last.reason && last.reason !== 'Error'
                ? `${last.reason}, exit code ${last.exitCode}`
                : `exit code ${last.exitCode}`;
            return [
              {
                of: `${metadata.name} -c ${name}`,
                text: `Pod ${metadata.name}: container ${name} ended with ${how} and restarted (${restartCount} in all)`,
              },
            ];
          },
        ),
      );
      const [first] = ended;
      return first
        ? warning(
            ended.map(({ text }) => text),
            `kubectl -n ${namespace} logs ${first.of} --previous`,
          )
        : ok('no container has ended by itself within the last hour');
    },
  }),
  ask({
    id: 'service',
    group: GROUP,
    asks: 'Does the Service of the Webapps lead to ready pods, at the port of the API?',
    rule: 'failed: it does not exist, selects no ready pod, or lacks the port',
    mend: '`kubectl waba resume NAME` if the stack is paused: the operator makes the Service again.',
    source: 'Services and Pods (list)',
    wadebug: ['check_webapp_port'],
    needs: ['services', 'pods', 'resource'],
    judge: ({ services, pods, resource }, { namespace, name }) => {
      if (resource.spec.hibernated) return unknown('the stack hibernates, so no Webapp runs');
      const wanted = names(name).webapp;
      const again = `the operator makes it again unless the stack is paused: \`kubectl waba status ${name}\``;
      const service = services.find(({ metadata }) => metadata.name === wanted);
      if (!service) return failed(`Service ${wanted} does not exist`, again);
      const port = resource.spec.service?.ports?.https ?? 443;
      const target = service.spec.ports?.find((each) => each.port === port);
      if (!target) return failed(`Service ${wanted} has no port ${port}`, again);
      const selected = pods.filter((pod) => isSelected(pod, service.spec.selector ?? {}) && isReady(pod));
      const open = selected.filter(({ spec }) =>
        spec.containers.some(({ ports = [] }) =>
          ports.some(({ name: portName, containerPort }) =>
            [portName, containerPort].includes(target.targetPort ?? port),
          ),
        ),
      );
      if (selected.length === 0)
        return failed(
          `Service ${wanted} leads to no ready pod`,
          `kubectl -n ${namespace} get pods -l ${labels.instance}=${name},${labels.component}=webapp`,
        );
      return open.length === 0
        ? failed(
            `no ready Webapp opens port ${target.targetPort ?? port}, to which Service ${wanted} leads`,
            again,
          )
        : ok(`Service ${wanted}:${port} leads to ${plural(open.length, 'ready Webapp')}`);
    },
  }),
  ask({
    id: 'gateway',
    group: GROUP,
    asks: 'Are the nodes connected to WhatsApp, and is there a primary Master?',
    rule: 'failed: a node that owns a shard is not connected, a node reports an error, or no Master is primary',
    mend: '`kubectl waba logs NAME --role coreapp`, and the check `hosts`.',
    source: '`GET /v1/health` with the API key (get secrets; create pods/portforward, services)',
    needs: ['health', 'resource'],
    judge: ({ health, resource }, { name }) => {
      const nodes = Object.entries(health).map(([key, node]) => ({
        pod: key === '' ? name : splitNodeKey(key).container || key,
        node,
      }));
      const owners = new Set(Object.values(resource.status?.shards?.owners ?? {}));
      const logs = `kubectl waba logs ${name} --role coreapp`;
      const findings = nodes.flatMap(({ pod, node }) => {
        const [error] = node.errors ?? [];
        if (error) return [failed(`${pod} reports ${error.code} ${error.title ?? ''}`.trim(), logs)];
        const isOwner = owners.has(pod) || nodes.length === 1;
        return isOwner && node.gateway_status !== 'connected'
          ? [failed(`${pod} serves the number and is ${node.gateway_status ?? 'silent'}`, logs)]
          : [];
      });
      const primary = nodes.filter(({ node }) => node.role === 'primary_master');
      if (resource.spec.topology === 'HighAvailability' && primary.length !== 1)
        findings.push(
          failed(`${primary.length} Masters are primary, not 1`, `kubectl waba logs ${name} --role master`),
        );
      return (
        worst(findings) ??
        ok(`${plural(nodes.length, 'node')} of the client in /v1/health, connected where a shard is`)
      );
    },
  }),
  ask({
    id: 'hosts',
    group: GROUP,
    asks: 'Does a Coreapp reach the hosts of WhatsApp and Graph?',
    rule: 'failed: a host answers on neither port 443 nor 5222',
    mend: 'Allow the connections in the firewall, the proxy and `spec.networkPolicy.egress`.',
    source:
      '`kubectl exec` of `nc` in a Coreapp (create pods/exec): nothing else knows it. An emulator connects to none of them',
    wadebug: ['check_network'],
    needs: ['hosts'],
    judge: ({ hosts }) => {
      if (!hosts) return undefined;
      const closed = hosts.filter(({ open }) => open.length === 0).map(({ host }) => host);
      return closed.length === 0
        ? ok(`a Coreapp reaches ${hosts.map(({ host }) => host).join(', ')}`)
        : failed(
            `a Coreapp reaches ${closed.join(', ')} neither at port 443 nor at 5222`,
            'allow these connections in the firewall, the proxy and spec.networkPolicy.egress',
          );
    },
  }),
  ask({
    id: 'shards',
    group: GROUP,
    asks: 'Has every shard one owner, which is a ready pod, and is it connected?',
    rule: 'failed: a shard has no owner, or its owner is no ready pod; warning: the number of shards is changing',
    mend: '`kubectl waba shards NAME` and `kubectl waba status NAME`.',
    source: 'the status of the WhatsAppDeployment, and Pods (list)',
    needs: ['resource', 'pods'],
    judge: ({ resource, pods }, about) => {
      if (resource.spec.hibernated) return unknown('the stack hibernates, so no shard is served');
      const { status } = resource;
      const shards = `kubectl waba shards ${about.name}`;
      const owners = Object.entries(status?.shards?.owners ?? {});
      const gone = owners.flatMap(([shard, owner]) => {
        const pod = pods.find(({ metadata }) => metadata.name === owner);
        if (pod && isReady(pod)) return [];
        return [
          failed(
            `shard ${shard} belongs to ${owner}, which ${pod ? 'is not ready' : 'does not exist'}`,
            shards,
          ),
        ];
      });
      const owned = (status?.nodes ?? []).flatMap(({ name, shards: own = [] }) =>
        own.filter((shard) => shard >= 0).map((shard) => ({ name, shard })),
      );
      const twice = owned
        .filter(({ shard }, index) => owned.findIndex((other) => other.shard === shard) < index)
        .map(({ shard }) => failed(`shard ${shard} has several owners`, shards));
      const served = fromCondition(resource, 'ShardsServed', about);
      const found = worst([...gone, ...twice, served]);
      return found?.verdict === 'ok'
        ? ok(
            `${status?.shards?.served ?? 0} of ${status?.shards?.desired ?? 0} shards are served, by ${[...new Set(owners.map(([, owner]) => owner))].join(', ')}`,
          )
        : found;
    },
  }),
  ask({
    id: 'version',
    group: GROUP,
    asks: 'Do all nodes run one client version, the declared one?',
    rule: 'failed: another version than the declared one; warning: several versions, as during an upgrade',
    mend: 'Correct `spec.version` or `spec.images`.',
    source: 'the status of the WhatsAppDeployment',
    wadebug: ['check_software_version'],
    needs: ['resource'],
    judge: ({ resource }, about) => {
      const condition = fromCondition(resource, 'VersionCurrent', about);
      const versions = [...new Set((resource.status?.nodes ?? []).flatMap(({ version }) => version ?? []))];
      if (condition.verdict !== 'ok') return condition;
      return versions.length > 1
        ? warning(
            `the nodes run ${versions.join(' and ')}`,
            `follow the upgrade with \`kubectl waba status ${about.name} --watch\``,
          )
        : ok(versions.length === 1 ? `all nodes run ${versions[0]}` : 'no node reports its version');
    },
  }),
  ask({
    id: 'build-expiry',
    group: GROUP,
    asks: 'How long does the build of the client work?',
    rule: 'failed: it expired; warning: it expires within 30 days',
    mend: 'Set `spec.version` to a newer version: `kubectl waba upgrade NAME --to VERSION`.',
    source: 'the status of the WhatsAppDeployment',
    wadebug: ['check_software_version'],
    needs: ['resource'],
    judge: ({ resource }, about) => buildExpiry(resource, about),
  }),
  conditionCheck('Autoscaled', {
    id: 'autoscaling',
    group: GROUP,
    asks: 'Does the autoscaler scale the Webapps as it wants to?',
    mend: '`kubectl describe hpa NAME-webapp`.',
  }),
  conditionCheck('Registered', {
    id: 'registration',
    group: GROUP,
    asks: 'Is the number registered with this stack?',
    mend: '`kubectl waba verify NAME --code CODE`, or what the evidence names.',
  }),
];

const DAY_MS = 86_400_000;
const EXPIRY_WARNING_DAYS = 30;

function buildExpiry(
  resource: WhatsAppDeployment,
  about: { readonly name: string; readonly nowMs: number },
): Finding {
  const { expires } = resource.status?.client ?? {};
  // No build expires in front of the Cloud API, but its version ends.
  if (resource.spec.cloud || expires === undefined) return fromCondition(resource, 'BuildCurrent', about);
  // The client reports UTC without saying so.
  const days = Math.floor((Date.parse(`${expires.replace(/Z$/, '')}Z`) - about.nowMs) / DAY_MS);
  const upgrade = `kubectl waba upgrade ${about.name} --to VERSION`;
  if (days < 0) return failed(`the build expired at ${expires}, and sends no messages`, upgrade);
  return days < EXPIRY_WARNING_DAYS
    ? warning(`the build expires in ${days} days, at ${expires}`, upgrade)
    : ok(`the build works for ${days} more days, until ${expires}`);
}

const isSelected = ({ metadata }: KubeObject, selector: Readonly<Record<string, string>>): boolean =>
  Object.keys(selector).length > 0 &&
  Object.entries(selector).every(([key, value]) => metadata.labels?.[key] === value);

function podFinding(
  pod: StackPod,
  {
    warnings,
    nowMs,
    namespace,
  }: { readonly warnings: StackValues['warnings']; readonly nowMs: number; readonly namespace: string },
): Finding | undefined {
  const view = podView(pod);
  if (view.ready || view.terminating || pod.status?.phase === 'Succeeded') return undefined;
  const { name } = pod.metadata;
  const describe = `kubectl -n ${namespace} describe pod ${name}`;
  if (view.problem) return failed(`Pod ${name}: ${view.problem.text}`, describe);
  // A Job makes another pod instead of one that failed, and its condition tells whether it gave up.
  if (!isNode(view.component) && view.component !== 'database') return undefined;
  const why = warnings.find(({ object }) => object === `Pod/${name}`);
  const evidence = `Pod ${name} is not ready${why ? `: ${why.reason}: ${why.message}` : ''}`;
  return nowMs - view.createdMs < STARTING_MS
    ? warning(evidence, 'wait until it has started')
    : failed(evidence, describe);
}

/** Roles with fewer pods than spec asks for. */
function missingRoles(resource: WhatsAppDeployment, pods: readonly StackPod[], hasNodes: boolean): string[] {
  const wanted = counts(resource);
  const roles = {
    // An autoscaler chooses their number itself.
    webapp: resource.spec.nodes?.webapp?.autoscaling ? 1 : wanted.webapps,
    master: wanted.masters,
    coreapp: wanted.coreapps,
  };
  const databases = resource.spec.database.managed ? { database: 1 } : {};
  return Object.entries({ ...(hasNodes ? roles : {}), ...databases }).flatMap(([role, count]) => {
    const there = pods.filter((pod) => componentOf(pod) === role).length;
    return there < count ? [`${there} of ${count} ${role} pods exist`] : [];
  });
}
