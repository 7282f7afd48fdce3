import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import {
  CONDITION_TYPES,
  type ConditionType,
  commonReasons,
  ownReasons,
  type Reason,
} from '../../../operator/resource/conditions.ts';
import type { Check, Facts, Known, Verdict } from './check.ts';
import { allChecks, CHECK_OF_CONDITION, stackChecks } from './checks.ts';
import { clusterChecks } from './clusterChecks.ts';
import type {
  ClusterValues,
  NamespaceValues,
  OperatorValues,
  Responsibility,
  StackPod,
  StackValues,
} from './facts.ts';
import { PASSING } from './fromCondition.ts';
import { namespaceChecks } from './namespaceChecks.ts';
import { operatorChecks } from './operatorChecks.ts';
import { judged } from './report.ts';
import { declaredFields } from './servedFields.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z');
const DAY_MS = 86_400_000;
const at = (ms: number) => new Date(NOW + ms).toISOString();
const about = { namespace: 'default', name: 'shop', nowMs: NOW };

type Changed<V> = { readonly [K in keyof V]?: V[K] };
const factsOf = <V extends object>(values: V): Facts<V> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { value }])) as unknown as Facts<V>;

const READY = { conditions: [{ type: 'Ready', status: 'True' }] };

const operator = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'op', namespace: 'ops', labels: { 'app.kubernetes.io/version': '1.0.0' } },
  spec: { replicas: 1, template: { spec: { serviceAccountName: 'op' } } },
  status: { readyReplicas: 1 },
};
const operatorPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'op-1', namespace: 'ops' },
  status: READY,
};
const leaseWith = (spec: object) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'op' },
  spec,
});
const node = (spec: object, conditions: object[] = []) =>
  ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
    spec,
    status: { conditions: [{ type: 'Ready', status: 'True' }, ...conditions] },
  }) as ClusterValues['nodes'][number];
const quota = (hard: string, used: string) => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'q' },
  status: { hard: { 'limits.memory': hard }, used: { 'limits.memory': used } },
});
const clock = (aheadMs: number) => ({ whose: 'Node n1', aheadMs, errorMs: 500 });

const ofCluster: ClusterValues = {
  serverVersion: { major: 1, minor: 34, text: 'v1.34.4' },
  servedFields: declaredFields(),
  nodes: [node({})],
  nodeClocks: [clock(400)],
  ownClock: clock(-400),
  dnsPods: [operatorPod],
};
const ofOperator: OperatorValues = {
  ownVersion: '1.0.0',
  operator,
  operatorPods: [operatorPod],
  lease: leaseWith({ holderIdentity: 'op-1_x', renewTime: at(-3_000), leaseDurationSeconds: 15 }),
};
const responsible: Responsibility = { operator, watching: [operator], elsewhere: [], holder: 'ops/op' };
const ofNamespace: NamespaceValues = {
  responsible,
  rights: [{ verb: 'get', resource: 'secrets', allowed: true }],
  quotas: [quota('4Gi', '1Gi')],
};

const condition = (type: string, reason: string, status = 'False', sinceMs = -DAY_MS) => ({
  type,
  status,
  reason,
  message: `the message of ${reason}`,
  observedGeneration: 1,
  lastTransitionTime: at(sinceMs),
});
const good = CONDITION_TYPES.map((type) =>
  type === 'Paused' || type === 'Hibernated' || type === 'Progressing'
    ? condition(type, 'Active', 'False')
    : condition(type, 'Good', 'True'),
);
const resourceWith = (
  changes: { readonly spec?: object; readonly metadata?: object; readonly status?: object } = {},
) =>
  whatsAppDeployment({
    spec: { topology: 'Single', webhook: { url: 'https://hooks.example.org/wa' }, ...changes.spec },
    metadata: changes.metadata ?? {},
    status: {
      observedGeneration: 1,
      conditions: good,
      nodes: [{ name: 'shop-coreapp-0-0', role: 'Coreapp', ready: true, shards: [0], version: 'v2.57.1' }],
      shards: { desired: 1, served: 1, owners: { 0: 'shop-coreapp-0-0' } },
      client: { version: 'v2.57.1', expires: at(90 * DAY_MS) },
      ...changes.status,
    },
  });
/** The resource with one condition otherwise. */
const told = (type: ConditionType, reason: string, status = 'False', sinceMs = -DAY_MS) => ({
  resource: resourceWith({
    status: {
      conditions: [...good.filter((each) => each.type !== type), condition(type, reason, status, sinceMs)],
    },
  }),
});

const VARIABLES = ['WA_DB_ENGINE', 'WA_DB_HOSTNAME', 'WA_DB_PORT', 'WA_DB_USERNAME', 'WA_DB_PASSWORD'];
const pod = (name: string, component: string, status: object = READY, env = VARIABLES): StackPod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    creationTimestamp: at(-DAY_MS),
    labels: { 'app.kubernetes.io/component': component, 'app.kubernetes.io/instance': 'shop' },
  },
  spec: {
    containers: [
      {
        name: component,
        env: env.map((each) => ({ name: each })),
        ports: component === 'webapp' ? [{ name: 'https', containerPort: 443 }] : [],
      },
    ],
  },
  status,
});
const pods = [
  pod('shop-database-0', 'database'),
  pod('shop-coreapp-0-0', 'coreapp'),
  pod('shop-webapp-1', 'webapp'),
];
const [database, coreapp, webapp] = pods as [StackPod, StackPod, StackPod];
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'shop-webapp' },
  spec: {
    selector: { 'app.kubernetes.io/component': 'webapp' },
    ports: [{ port: 443, targetPort: 'https' }],
  },
};
const claim = (phase: string, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'shop-media', ...metadata },
  spec: { storageClassName: 'fast' },
  status: { phase },
});
const certificate = (days: number, isRenewed = false) => ({
  where: 'Secret shop-tls, key tls.crt',
  subject: 'CN=shop',
  notAfter: NOW + days * DAY_MS,
  isRenewed,
});
const front = { certificate: certificate(90), untrusted: { value: undefined }, clock: clock(200) };
const receiver = {
  host: 'hooks.example.org',
  chain: ['CN=hooks', 'CN=authority'],
  notAfter: NOW + 90 * DAY_MS,
  handshakeMs: 80,
};
const ended = (finishedAt: string) => ({
  ...READY,
  containerStatuses: [
    {
      name: 'coreapp',
      restartCount: 3,
      lastState: { terminated: { reason: 'OOMKilled', exitCode: 137, finishedAt } },
    },
  ],
});

const stack: StackValues = {
  resource: resourceWith(),
  changedMs: NOW - DAY_MS,
  pods,
  services: [service],
  claims: [claim('Bound')],
  warnings: [],
  forbiddenCharacters: { secretName: 'shop-database', characters: '' },
  certificates: [certificate(90)],
  front,
  health: { '': { gateway_status: 'connected' } },
  counters: { callbacks: 3, messages: 0 },
  receiver,
  volumes: [{ claim: 'shop-media', usedBytes: 10, capacityBytes: 100 }],
  connections: { used: 20, most: 300 },
  hosts: [{ host: 'g.whatsapp.net', open: [5222] }],
};

const other = { ...operator, metadata: { ...operator.metadata, name: 'other' } };

type Case<V> = readonly [check: string, Exclude<Verdict, 'ok'>, says: string, changes: Changed<V>];

const clusterCases: readonly Case<ClusterValues>[] = [
  [
    'kubernetes-version',
    'failed',
    'v1.31.0 is older than 1.32',
    { serverVersion: { major: 1, minor: 31, text: 'v1.31.0' } },
  ],
  ['crd', 'failed', 'does not serve the kind', { servedFields: undefined }],
  [
    'crd',
    'failed',
    'lacks 1 field, such as spec.version',
    { servedFields: declaredFields().filter((path) => path !== 'spec.version') },
  ],
  ['crd', 'warning', 'such as spec.tomorrow', { servedFields: [...declaredFields(), 'spec.tomorrow'] }],
  ['nodes', 'failed', 'is cordoned', { nodes: [node({ unschedulable: true })] }],
  [
    'nodes',
    'warning',
    'DiskPressure',
    { nodes: [node({}), node({}, [{ type: 'DiskPressure', status: 'True' }])] },
  ],
  ['node-clocks', 'failed', '19.5 s behind', { nodeClocks: [clock(-20_000)] }],
  ['node-clocks', 'warning', '4.5 s ahead', { nodeClocks: [clock(0), clock(5_000)] }],
  ['own-clock', 'warning', '59.5 s ahead', { ownClock: clock(60_000) }],
  ['cluster-dns', 'failed', '0 of 1', { dnsPods: [{ ...operatorPod, status: {} }] }],
  ['cluster-dns', 'warning', '1 of 2', { dnsPods: [operatorPod, { ...operatorPod, status: {} }] }],
  ['cluster-dns', 'unknown', 'another DNS', { dnsPods: [] }],
];

const operatorCases: readonly Case<OperatorValues>[] = [
  [
    'operator',
    'failed',
    'has no replicas',
    { operator: { ...operator, spec: { ...operator.spec, replicas: 0 } } },
  ],
  ['operator', 'failed', '0 of 1 pods', { operator: { ...operator, status: {} } }],
  [
    'operator',
    'warning',
    '1 of 2 pods',
    { operator: { ...operator, spec: { ...operator.spec, replicas: 2 } } },
  ],
  ['operator-version', 'warning', 'this program is 2.0.0', { ownVersion: '2.0.0' }],
  ['leader', 'failed', 'does not exist', { lease: undefined }],
  ['leader', 'failed', 'no pod holds', { lease: leaseWith({ holderIdentity: '' }) }],
  ['leader', 'failed', '31 s ago', { lease: leaseWith({ holderIdentity: 'op-1', renewTime: at(-31_000) }) }],
  [
    'leader',
    'failed',
    'is no pod of the operator',
    { lease: leaseWith({ holderIdentity: 'gone', renewTime: at(0) }) },
  ],
];

const nobody = { ...responsible, operator: undefined, watching: [], holder: undefined };
const namespaceCases: readonly Case<NamespaceValues>[] = [
  ['responsible', 'failed', 'no Deployment', { responsible: nobody }],
  [
    'responsible',
    'failed',
    'operator ops/op watches only shops, others',
    { responsible: { ...nobody, elsewhere: [{ key: 'ops/op', namespaces: ['shops', 'others'] }] } },
  ],
  [
    'responsible',
    'warning',
    'operator ops/other watches it too',
    { responsible: { ...responsible, watching: [operator, other] } },
  ],
  [
    'responsible',
    'warning',
    'ops/other works in namespace default, and operator ops/op waits',
    { responsible: { ...responsible, holder: 'ops/other' } },
  ],
  [
    'responsible',
    'unknown',
    'held by ops/other, whose Deployment is gone or hidden',
    { responsible: { ...nobody, holder: 'ops/other' } },
  ],
  [
    'operator-rights',
    'failed',
    'may not get secrets',
    { rights: [{ verb: 'get', resource: 'secrets', allowed: false }] },
  ],
  ['quota', 'warning', '3700Mi of 4Gi', { quotas: [quota('4Gi', '3700Mi')] }],
];

const stackCases: readonly Case<StackValues>[] = [
  ['followed', 'failed', 'generation 1 of 2', { resource: resourceWith({ metadata: { generation: 2 } }) }],
  [
    'followed',
    'warning',
    'generation 1 of 2',
    { resource: resourceWith({ metadata: { generation: 2 } }), changedMs: NOW - 1_000 },
  ],
  ['rest', 'warning', 'spec.paused', { resource: resourceWith({ spec: { paused: true } }) }],
  ['rest', 'warning', 'spec.hibernated', { resource: resourceWith({ spec: { hibernated: true } }) }],
  ['rest', 'failed', 'CleanupBlocked', told('Ready', 'CleanupBlocked')],
  ['rest', 'warning', 'PlanOnly', told('Ready', 'PlanOnly')],
  ['rest', 'warning', 'Deleting', told('Ready', 'Deleting')],
  ['pods', 'warning', 'WaitingForApproval', told('WorkloadsReady', 'WaitingForApproval')],
  ['pods', 'warning', 'WaitingForWindow', told('WorkloadsReady', 'WaitingForWindow')],
  ['pods', 'warning', 'WaitingForDeletion', told('WorkloadsReady', 'WaitingForDeletion')],
  ['pods', 'warning', 'RollingOut', told('WorkloadsReady', 'RollingOut')],
  ['exposure', 'warning', 'Pending', told('Exposed', 'Pending', 'False', -60_000)],
  ['exposure', 'failed', 'Pending', told('Exposed', 'Pending')],
  ['webhook', 'unknown', 'NotProbed', told('WebhookReady', 'NotProbed', 'True')],
  ['backup', 'unknown', 'NoBackupYet', told('BackupCurrent', 'NoBackupYet')],
  ['backup', 'warning', 'Suspended', told('BackupCurrent', 'Suspended')],
  ['spec', 'failed', 'NumberInUse', told('SpecValid', 'NumberInUse')],
  ['rollout', 'failed', 'RolloutStopped', told('Progressing', 'RolloutStopped')],
  [
    'rollout',
    'warning',
    'next: shop-coreapp-0',
    { resource: resourceWith({ status: { rollout: { next: 'shop-coreapp-0', done: 1, total: 3 } } }) },
  ],
  ['backup', 'failed', 'LastBackupFailed', told('BackupCurrent', 'LastBackupFailed')],
  ['database', 'failed', 'DatabaseLoginRefused', told('DatabaseReady', 'DatabaseLoginRefused')],
  ['database', 'warning', 'at work', told('DatabaseReady', 'Starting', 'False', -60_000)],
  ['database', 'failed', 'more than 10 minutes', told('DatabaseReady', 'Starting')],
  ['schema', 'failed', 'JobFailed', told('SchemaReady', 'JobFailed')],
  [
    'database-password',
    'failed',
    'the characters &?',
    { forbiddenCharacters: { secretName: 's', characters: '&?' } },
  ],
  [
    'database-settings',
    'failed',
    'Pod x lacks WA_DB_HOSTNAME',
    {
      pods: [
        ...pods,
        pod(
          'x',
          'coreapp',
          READY,
          VARIABLES.filter((name) => name !== 'WA_DB_HOSTNAME'),
        ),
      ],
    },
  ],
  ['connections', 'failed', '300 of 300', { connections: { used: 300, most: 300 } }],
  ['connections', 'warning', '290 of 300', { connections: { used: 290, most: 300 } }],
  ['connections', 'warning', 'the limit is 4', { connections: { used: 2, most: 4 } }],
  ['claims', 'failed', 'is Pending', { claims: [claim('Pending')] }],
  ['claims', 'failed', 'being deleted', { claims: [claim('Bound', { deletionTimestamp: at(0) })] }],
  [
    'volumes',
    'failed',
    '96% full',
    { volumes: [{ claim: 'shop-database', usedBytes: 96, capacityBytes: 100 }] },
  ],
  [
    'volumes',
    'warning',
    '85% full',
    { volumes: [{ claim: 'shop-media', usedBytes: 85, capacityBytes: 100 }] },
  ],
  ['pods', 'failed', '0 of 1 coreapp pods', { pods: [database, webapp] }],
  [
    'pods',
    'failed',
    'is not ready: FailedMount: no volume',
    {
      pods: [...pods, pod('late', 'webapp', { phase: 'Pending' })],
      warnings: [{ object: 'Pod/late', reason: 'FailedMount', message: 'no volume' }],
    },
  ],
  [
    'pods',
    'failed',
    'no node takes it: 0/1',
    {
      pods: [
        database,
        coreapp,
        pod('w', 'webapp', { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1' }] }),
      ],
    },
  ],
  [
    'restarts',
    'warning',
    'OOMKilled, exit code 137',
    { pods: [database, webapp, pod('c', 'coreapp', ended(at(-60_000)))] },
  ],
  ['service', 'failed', 'does not exist', { services: [] }],
  ['service', 'failed', 'no port 443', { services: [{ ...service, spec: { ...service.spec, ports: [] } }] }],
  ['service', 'failed', 'leads to no ready pod', { pods: [database, coreapp] }],
  [
    'service',
    'failed',
    'opens port 8443',
    { services: [{ ...service, spec: { ...service.spec, ports: [{ port: 443, targetPort: 8443 }] } }] },
  ],
  ['gateway', 'failed', 'is disconnected', { health: { '': { gateway_status: 'disconnected' } } }],
  [
    'gateway',
    'failed',
    '0 Masters are primary',
    { resource: resourceWith({ spec: { topology: 'HighAvailability' } }) },
  ],
  [
    'gateway',
    'failed',
    'reports 1014',
    { health: { '1.2.3.4:m': { errors: [{ code: 1014, title: 'Internal error' }] } } },
  ],
  ['hosts', 'failed', 'reaches g.whatsapp.net neither', { hosts: [{ host: 'g.whatsapp.net', open: [] }] }],
  ['shards', 'failed', 'which does not exist', { pods: [database, webapp] }],
  [
    'shards',
    'failed',
    'which is not ready',
    { pods: [database, webapp, pod('shop-coreapp-0-0', 'coreapp', {})] },
  ],
  [
    'shards',
    'failed',
    'several owners',
    {
      resource: resourceWith({
        status: {
          nodes: [
            { name: 'a', role: 'Coreapp', ready: true, shards: [0] },
            { name: 'b', role: 'Coreapp', ready: true, shards: [0] },
          ],
        },
      }),
    },
  ],
  ['version', 'failed', 'OtherVersion', told('VersionCurrent', 'OtherVersion')],
  [
    'version',
    'warning',
    'v1 and v2',
    {
      resource: resourceWith({
        status: {
          nodes: [
            { name: 'a', role: 'Coreapp', ready: true, version: 'v1' },
            { name: 'b', role: 'Coreapp', ready: true, version: 'v2' },
          ],
        },
      }),
    },
  ],
  [
    'build-expiry',
    'failed',
    'expired at',
    { resource: resourceWith({ status: { client: { expires: at(-DAY_MS) } } }) },
  ],
  [
    'build-expiry',
    'warning',
    'expires in 29 days',
    { resource: resourceWith({ status: { client: { expires: at(29.5 * DAY_MS) } } }) },
  ],
  ['cloud-token', 'failed', 'TokenRefused', told('TokenValid', 'TokenRefused')],
  ['cloud-webhook', 'failed', 'SubscriptionFailed', told('WebhookSubscribed', 'SubscriptionFailed')],
  ['cloud-number', 'failed', 'QualityLow', told('NumberHealthy', 'QualityLow')],
  ['registration', 'failed', 'RegistrationLost', told('Registered', 'RegistrationLost')],
  ['api', 'failed', 'CredentialsUnknown', told('ApiReachable', 'CredentialsUnknown')],
  [
    'api-from-here',
    'failed',
    'self-signed',
    { front: { ...front, untrusted: { value: 'self-signed certificate' } } },
  ],
  [
    'api-from-here',
    'unknown',
    'get secrets',
    { front: { ...front, untrusted: { unknown: 'needs the right to get secrets' } } },
  ],
  ['clocks', 'failed', '11.5 s behind', { front: { ...front, clock: clock(-12_000) } }],
  ['certificates', 'failed', 'expired at', { certificates: [certificate(90), certificate(-1)] }],
  [
    'certificates',
    'warning',
    'expires in 13 days',
    { certificates: [certificate(13.5), certificate(2, true)] },
  ],
  ['certificates', 'failed', 'BadCertificate', told('CertificatesReady', 'BadCertificate')],
  [
    'served-certificate',
    'warning',
    'expires in 3 days',
    { front: { ...front, certificate: certificate(3.5) } },
  ],
  ['settings', 'failed', 'Drifted', told('SettingsSynced', 'Drifted')],
  ['autoscaling', 'failed', 'MetricsMissing', told('Autoscaled', 'MetricsMissing')],
  ['exposure', 'failed', 'NotAccepted', told('Exposed', 'NotAccepted')],
  ['dns', 'failed', 'the message of DatabaseHostUnknown', told('DatabaseReady', 'DatabaseHostUnknown')],
  ['webhook', 'failed', 'TlsFailed', told('WebhookReady', 'TlsFailed')],
  ['webhook', 'warning', 'not set', { resource: resourceWith({ spec: { webhook: undefined } }) }],
  [
    'webhook-certificate',
    'warning',
    'expires in 5 days',
    { receiver: { ...receiver, notAfter: NOW + 5.5 * DAY_MS } },
  ],
  [
    'webhook-certificate',
    'warning',
    'not trusted',
    { receiver: { ...receiver, untrusted: 'unable to verify' } },
  ],
  ['webhook-certificate', 'warning', 'which is slow', { receiver: { ...receiver, handshakeMs: 3_500 } }],
  [
    'webhook-certificate',
    'unknown',
    'does not reach',
    { receiver: { ...receiver, problem: 'ECONNREFUSED' } },
  ],
  ['callbacks', 'failed', '60000 callbacks wait', { counters: { callbacks: 60_000, messages: 0 } }],
  ['callbacks', 'warning', '1000 callbacks wait', { counters: { callbacks: 1_000, messages: 0 } }],
];

function expectFinding<V extends object>(
  checks: readonly Check<V>[],
  values: V,
  [id, verdict, says, changes]: Case<V>,
): void {
  const result = judged(checks, factsOf({ ...values, ...changes }), about).find((each) => each.id === id);
  expect(result?.evidence.join('\n')).toContain(says);
  expect(result?.verdict).toBe(verdict);
  if (verdict !== 'unknown') expect(result?.remedy).toMatch(/\w/);
}

describe('the checks of the doctor', () => {
  it('find nothing wrong where nothing is', () => {
    for (const result of [
      ...judged(clusterChecks, factsOf(ofCluster), about),
      ...judged(operatorChecks, factsOf(ofOperator), about),
      ...judged(namespaceChecks, factsOf(ofNamespace), about),
      ...judged(stackChecks, factsOf(stack), about),
    ])
      expect(result).toMatchObject({ id: result.id, verdict: 'ok' });
  });

  it.each(clusterCases)('of the cluster: %s says %s: %s', (...given) => {
    expectFinding(clusterChecks, ofCluster, given);
  });

  it.each(operatorCases)('of an operator: %s says %s: %s', (...given) => {
    expectFinding(operatorChecks, ofOperator, given);
  });

  it.each(namespaceCases)('of a namespace: %s says %s: %s', (...given) => {
    expectFinding(namespaceChecks, ofNamespace, given);
  });

  it.each(stackCases)('of a stack: %s says %s: %s', (...given) => {
    expectFinding(stackChecks, stack, given);
  });

  it('have each a case here, and an id of its own', () => {
    const all = allChecks.map(({ id }) => id);
    expect(new Set(all).size).toBe(all.length);
    const cases = [...clusterCases, ...operatorCases, ...namespaceCases, ...stackCases];
    expect(new Set(cases.map(([id]) => id))).toEqual(new Set(all));
  });

  it('say that they could not run, and why, where a fact is unknown', () => {
    const why: Known<never> = { unknown: 'needs the right to list pods' };
    const nothing = <V extends object>(values: V) =>
      Object.fromEntries(Object.keys(values).map((key) => [key, why])) as unknown as Facts<V>;
    const results = [
      ...judged(clusterChecks, nothing(ofCluster), about),
      ...judged(operatorChecks, nothing(ofOperator), about),
      ...judged(namespaceChecks, nothing(ofNamespace), about),
      ...judged(stackChecks, nothing(stack), about),
    ];
    expect(results).toHaveLength(allChecks.length);
    for (const result of results)
      expect(result).toMatchObject({ verdict: 'unknown', evidence: ['needs the right to list pods'] });
  });

  it.each(CONDITION_TYPES)('speak up when the condition %s has a cause that somebody must mend', (type) => {
    const reason = { Progressing: 'RolloutStopped', Ready: 'Unreadable' }[type as string] ?? 'Forbidden';
    const changes =
      type === 'Paused' || type === 'Hibernated'
        ? { resource: resourceWith({ spec: { [type.toLowerCase()]: true } }) }
        : told(type, reason);
    const without = type === 'BuildCurrent' ? { resource: withoutExpiry(changes.resource) } : changes;
    const results = judged(stackChecks, factsOf({ ...stack, ...without }), about);
    expect(results.find(({ id }) => id === CHECK_OF_CONDITION[type])?.verdict).toMatch(/failed|warning/);
  });

  it('take a reason whose fix begins with "If it lasts" for a failure only once it has lasted', () => {
    const all = [commonReasons, ...CONDITION_TYPES.map(ownReasons)].flatMap(
      (reasons: Readonly<Record<string, Reason>>) => Object.entries(reasons),
    );
    const waits = all.flatMap(([name, { fix = '' }]) =>
      /\bIf it (lasts|stays|happens)/.test(fix) ? [name] : [],
    );
    expect(new Set(waits)).toEqual(new Set(PASSING));
  });

  it('cover every check of the tool of the vendor', async () => {
    const facts = await readFile('docs/onprem/deployment.md', 'utf8');
    const [, section = ''] = facts.split('### 8.3 Diagnostics');
    const [rows = ''] = section.split('Sources:');
    const theirs = [...rows.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    const ours = new Set(allChecks.flatMap(({ wadebug = [] }) => wadebug));
    expect(theirs).toHaveLength(10);
    expect(ours).toEqual(new Set(theirs));
  });
});

const withoutExpiry = (resource: StackValues['resource']): StackValues['resource'] => ({
  ...resource,
  status: { ...resource.status, client: {} },
});
