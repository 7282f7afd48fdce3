import fc, { type Arbitrary } from 'fast-check';

/** Random objects that an API server takes, by kind: as many fields as are valid together, each there or not. */

const some = <T extends Record<string, Arbitrary<unknown>>>(fields: T) =>
  fc.record(fields, { requiredKeys: [] });
const text = fc
  .string({ unit: 'binary', maxLength: 60 })
  .map((value) => Buffer.from(value).toString().replaceAll('\0', '0'));
const word = fc.stringMatching(/^[a-z]([a-z0-9]{0,9})$/);
const count = fc.nat(2 ** 31 - 1);
const small = fc.integer({ min: 1, max: 60 });
const quantity = fc.constantFrom('1', '100m', '1500Mi', '2Gi', '0', '3G', '0.5');
const time = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true });
const seconds = time.map((date) => date.toISOString().replace(/\.\d+Z/, 'Z'));
const micros = fc
  .tuple(time, fc.nat(999_999))
  .map(([date, fraction]) => `${date.toISOString().slice(0, 19)}.${String(fraction).padStart(6, '0')}Z`);
const marks = fc.dictionary(word, word, { maxKeys: 4 });
const key = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/).filter((name) => !name.startsWith('..') && name !== '.'),
  fc.constant('__proto__'),
);
const texts = fc.dictionary(key, text, { maxKeys: 5 });
const bytes = fc.dictionary(
  key,
  fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value).toString('base64')),
  { maxKeys: 4 },
);
const selector = { matchLabels: { app: 'random' } };
const portOrName = fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.constant('http'));
const percentage = fc.oneof(
  fc.nat(10),
  fc.nat(100).map((share) => `${share}%`),
);
const many = <T>(item: Arbitrary<T>, most = 3) => fc.array(item, { maxLength: most });

const metadata = some({
  labels: marks,
  annotations: fc.dictionary(word, text, { maxKeys: 4 }),
  finalizers: fc.constant([]),
});
const probe = some({
  initialDelaySeconds: fc.nat(60),
  timeoutSeconds: small,
  terminationGracePeriodSeconds: small,
}).chain((timing) =>
  fc.oneof(
    portOrName.map((port) => ({ ...timing, tcpSocket: { port } })),
    portOrName.map((port) => ({
      ...timing,
      httpGet: { path: '/', port, httpHeaders: [{ name: 'A', value: 'b' }] },
    })),
    fc.constant({ ...timing, exec: { command: ['true'] } }),
    small.map((port) => ({ ...timing, grpc: { port } })),
  ),
);
const container = fc.record(
  {
    name: fc.constant('main'),
    image: fc.constant('registry.example.org/image:1'),
    command: many(text),
    args: many(text),
    env: fc.uniqueArray(fc.record({ name: word, value: text }), {
      selector: ({ name }) => name,
      maxLength: 6,
    }),
    envFrom: many(fc.record({ prefix: word, secretRef: fc.record({ name: word, optional: fc.boolean() }) })),
    ports: fc.constant([{ name: 'http', containerPort: 80 }]),
    resources: some({
      requests: fc.constant({ cpu: '100m', memory: '1Mi' }),
      limits: some({ memory: fc.constant('2Gi') }),
    }),
    volumeMounts: fc.constant([{ name: 'files', mountPath: '/files', readOnly: true, subPath: 'a' }]),
    livenessProbe: probe.map(({ ...rest }) => ({ ...rest, successThreshold: 1 })),
    securityContext: some({
      runAsUser: fc.nat(2 ** 31 - 1),
      readOnlyRootFilesystem: fc.boolean(),
      capabilities: fc.constant({ drop: ['ALL'] }),
      seccompProfile: fc.constant({ type: 'RuntimeDefault' }),
    }),
    stdin: fc.boolean(),
    terminationMessagePath: fc.constant('/dev/log'),
  },
  { requiredKeys: ['name', 'image', 'volumeMounts', 'ports'] },
);
const volume = fc.oneof(
  fc.constant({ emptyDir: {} }),
  quantity.map((sizeLimit) => ({ emptyDir: { medium: 'Memory', sizeLimit } })),
  fc
    .record({ secretName: word, defaultMode: fc.nat(0o777), items: fc.constant([{ key: 'a', path: 'b' }]) })
    .map((secret) => ({ secret })),
  fc.constant({
    projected: {
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
        { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      ],
    },
  }),
  fc.constant({
    ephemeral: {
      volumeClaimTemplate: {
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
    },
  }),
);
const podSpec = fc.record(
  {
    containers: container.map((one) => [one]),
    initContainers: container.map(({ livenessProbe: _, ...one }) => [{ ...one, name: 'first', ports: [] }]),
    volumes: volume.map((one) => [{ name: 'files', ...one }]),
    schedulerName: fc.constant('nobody'),
    automountServiceAccountToken: fc.constant(false),
    nodeSelector: marks,
    terminationGracePeriodSeconds: small,
    securityContext: some({
      fsGroup: fc.nat(65_535),
      supplementalGroups: many(fc.nat(65_535)),
      sysctls: fc.constant([]),
    }),
    tolerations: fc.constant([{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 }]),
    affinity: fc.constant({
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 1,
            podAffinityTerm: {
              topologyKey: 'zone',
              labelSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
            },
          },
        ],
      },
    }),
    topologySpreadConstraints: fc.constant([
      { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: selector },
    ]),
    imagePullSecrets: many(word.map((name) => ({ name }))),
    hostAliases: fc.constant([{ ip: '10.0.0.1', hostnames: ['a.example.org'] }]),
    dnsConfig: fc.constant({ options: [{ name: 'ndots', value: '2' }] }),
    enableServiceLinks: fc.boolean(),
  },
  { requiredKeys: ['containers', 'volumes', 'schedulerName', 'automountServiceAccountToken'] },
);
const template = (restartPolicy?: string) =>
  podSpec.map((spec) => ({
    metadata: { labels: { app: 'random' } },
    spec: { ...spec, ...(restartPolicy ? { restartPolicy } : {}) },
  }));
const claim = some({
  storageClassName: word,
  volumeName: word,
  volumeMode: fc.constantFrom('Filesystem', 'Block'),
}).map((rest) => ({
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Gi' } },
  ...rest,
}));
const rule = fc
  .record(
    {
      apiGroups: many(word),
      resources: fc.array(word, { minLength: 1, maxLength: 3 }),
      verbs: fc.array(word, { minLength: 1, maxLength: 3 }),
      resourceNames: many(word),
    },
    { requiredKeys: ['apiGroups', 'resources', 'verbs'] },
  )
  .map((one) => ({ ...one, apiGroups: [...one.apiGroups, ''] }));
const binding = (kind: string) =>
  fc.record({
    subjects: many(
      fc.oneof(
        word.map((name) => ({ kind: 'ServiceAccount', name, namespace: 'default' })),
        word.map((name) => ({ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' })),
      ),
    ),
    roleRef: word.map((name) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name })),
  });
const spec = <T>(arbitrary: Arbitrary<T>) => arbitrary.map((value) => ({ spec: value }));
const peer = fc.oneof(
  fc.constant({ podSelector: selector }),
  fc.constant({ namespaceSelector: {}, podSelector: {} }),
  fc.constant({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }),
);
const condition = (type: string) =>
  fc.record({
    type: fc.constant(type),
    status: fc.constantFrom('True', 'False', 'Unknown'),
    reason: fc.constant('Random'),
    message: text,
    lastTransitionTime: seconds,
  });

const CONTENTS: Readonly<Record<string, Arbitrary<object>>> = {
  ConfigMap: some({ data: texts, immutable: fc.boolean() }),
  Secret: some({
    data: bytes,
    immutable: fc.boolean(),
    type: fc.constantFrom('Opaque', 'example.org/random'),
  }),
  Service: spec(
    fc.record(
      {
        ports: portOrName.map((targetPort) => [
          { name: 'http', port: 80, targetPort, appProtocol: 'http' },
          { name: 'udp', port: 53, protocol: 'UDP' },
        ]),
        selector: marks,
        type: fc.constantFrom('ClusterIP', 'NodePort'),
        sessionAffinity: fc.constantFrom('None', 'ClientIP'),
        publishNotReadyAddresses: fc.boolean(),
        externalIPs: fc.constant(['192.0.2.1']),
      },
      { requiredKeys: ['ports'] },
    ),
  ),
  ServiceAccount: some({
    automountServiceAccountToken: fc.boolean(),
    imagePullSecrets: many(word.map((name) => ({ name }))),
  }),
  Namespace: fc.constant({}),
  Node: spec(
    some({
      podCIDR: fc.constant('10.1.0.0/24'),
      unschedulable: fc.boolean(),
      taints: fc.constant([{ key: 'a', value: 'b', effect: 'NoSchedule' }]),
      providerID: word,
    }),
  ),
  PersistentVolume: spec(
    some({ persistentVolumeReclaimPolicy: fc.constant('Retain'), mountOptions: many(word) }).map((rest) => ({
      ...rest,
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      hostPath: { path: '/random', type: 'Directory' },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }] },
      },
    })),
  ),
  PersistentVolumeClaim: spec(claim),
  Pod: spec(podSpec),
  Deployment: spec(
    fc.record({
      template: template(),
      replicas: fc.constant(0),
      selector: fc.constant(selector),
      paused: fc.boolean(),
      minReadySeconds: fc.nat(9),
      strategy: fc.oneof(
        fc.constant({ type: 'Recreate' }),
        percentage.map((maxSurge) => ({ rollingUpdate: { maxSurge, maxUnavailable: 1 } })),
      ),
    }),
  ),
  StatefulSet: spec(
    fc.record({
      template: template(),
      replicas: fc.constant(0),
      selector: fc.constant(selector),
      serviceName: word,
      podManagementPolicy: fc.constantFrom('Parallel', 'OrderedReady'),
      updateStrategy: fc.constantFrom(
        { type: 'OnDelete' },
        { type: 'RollingUpdate', rollingUpdate: { partition: 1 } },
      ),
      volumeClaimTemplates: many(claim, 1).map((claims) =>
        claims.map((one) => ({ metadata: { name: 'data', labels: { a: 'b' } }, spec: one })),
      ),
      persistentVolumeClaimRetentionPolicy: fc.constant({ whenDeleted: 'Retain', whenScaled: 'Delete' }),
    }),
  ),
  Job: spec(
    fc.record({
      template: template('Never'),
      suspend: fc.constant(true),
      backoffLimit: fc.nat(9),
      ttlSecondsAfterFinished: count,
      activeDeadlineSeconds: small,
      podFailurePolicy: fc.constant({
        rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [1, 42] } }],
      }),
    }),
  ),
  HorizontalPodAutoscaler: spec(
    fc.record({
      scaleTargetRef: fc.constant({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'random' }),
      maxReplicas: small.map((value) => value + 60),
      minReplicas: small,
      metrics: fc.constant([
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
        },
        {
          type: 'Pods',
          pods: { metric: { name: 'a', selector }, target: { type: 'AverageValue', averageValue: '1500m' } },
        },
      ]),
      behavior: fc.constant({
        scaleDown: {
          stabilizationWindowSeconds: 5,
          policies: [{ type: 'Percent', value: 10, periodSeconds: 60 }],
        },
      }),
    }),
  ),
  PodDisruptionBudget: spec(
    fc.oneof(
      percentage.map((minAvailable) => ({ minAvailable, selector })),
      percentage.map((maxUnavailable) => ({
        maxUnavailable,
        selector,
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
      })),
    ),
  ),
  NetworkPolicy: spec(
    fc.record({
      podSelector: fc.constantFrom({}, selector),
      policyTypes: fc.constant(['Ingress', 'Egress']),
      ingress: many(
        fc.record({ from: many(peer), ports: many(portOrName.map((port) => ({ protocol: 'TCP', port }))) }),
      ),
      egress: fc.constant([{ ports: [{ protocol: 'UDP', port: 53, endPort: 54 }] }, {}]),
    }),
  ),
  Ingress: spec(
    fc.record({
      ingressClassName: word,
      tls: fc.constant([{ hosts: ['a.example.org'], secretName: 'a' }, {}]),
      rules: fc.constant([
        {
          host: 'a.example.org',
          http: {
            paths: [
              { path: '/', pathType: 'Prefix', backend: { service: { name: 'a', port: { number: 80 } } } },
            ],
          },
        },
      ]),
    }),
  ),
  Role: fc.record({ rules: many(rule) }),
  ClusterRole: fc.record({ rules: many(rule) }),
  RoleBinding: binding('Role'),
  ClusterRoleBinding: binding('ClusterRole'),
  Lease: spec(
    some({
      holderIdentity: word,
      leaseDurationSeconds: small,
      acquireTime: micros,
      renewTime: micros,
      leaseTransitions: count,
    }),
  ),
  Event: some({
    reason: word,
    message: text,
    type: fc.constantFrom('Normal', 'Warning'),
    count,
    firstTimestamp: seconds,
    lastTimestamp: seconds,
    source: some({ component: word, host: word }),
  }),
  StorageClass: some({
    parameters: marks,
    allowVolumeExpansion: fc.boolean(),
    mountOptions: many(word),
    volumeBindingMode: fc.constant('WaitForFirstConsumer'),
  }).map((rest) => ({ provisioner: 'example.org/random', ...rest })),
  ValidatingAdmissionPolicy: spec(
    fc.record({
      failurePolicy: fc.constantFrom('Fail', 'Ignore'),
      matchConstraints: fc.constant({
        resourceRules: [
          {
            apiGroups: ['apps'],
            apiVersions: ['v1'],
            operations: ['CREATE'],
            resources: ['deployments'],
            resourceNames: ['a'],
          },
        ],
      }),
      validations: text.map((message) => [
        { expression: 'true', message: `a${message.replaceAll(/[\r\n]/g, ' ')}`, reason: 'Invalid' },
      ]),
      matchConditions: fc.constant([{ name: 'a', expression: 'true' }]),
      variables: fc.constant([{ name: 'a', expression: '1' }]),
      auditAnnotations: fc.constant([{ key: 'a', valueExpression: '"b"' }]),
    }),
  ),
  ValidatingAdmissionPolicyBinding: spec(
    fc.record({
      policyName: word,
      validationActions: fc.constant(['Deny', 'Audit']),
      matchResources: fc.constant({ namespaceSelector: selector }),
    }),
  ),
};

const STATUSES: Readonly<Record<string, Arbitrary<object>>> = {
  Pod: fc.record({
    phase: fc.constantFrom('Pending', 'Running'),
    podIP: fc.constant('10.0.0.1'),
    startTime: seconds,
    conditions: condition('Ready').map((one) => [one]),
    containerStatuses: fc
      .tuple(fc.boolean(), count, seconds, text)
      .map(([ready, restartCount, startedAt, message]) => [
        {
          name: 'main',
          image: 'a',
          imageID: '',
          ready,
          started: ready,
          restartCount,
          state: { running: { startedAt } },
          lastState: {
            terminated: {
              exitCode: 137,
              signal: 0,
              reason: 'Error',
              message,
              startedAt,
              finishedAt: startedAt,
              containerID: 'a://b',
            },
          },
        },
      ]),
  }),
  Node: fc.record({
    capacity: quantity.map((memory) => ({ cpu: '2', memory })),
    allocatable: quantity.map((memory) => ({ cpu: '1500m', memory })),
    conditions: fc
      .tuple(condition('Ready'), seconds)
      .map(([one, lastHeartbeatTime]) => [{ ...one, lastHeartbeatTime }]),
    addresses: fc.constant([{ type: 'InternalIP', address: '10.0.0.1' }]),
    images: fc.constant([{ names: ['a'], sizeBytes: 2 ** 40 }]),
    daemonEndpoints: fc.constant({ kubeletEndpoint: { Port: 10_250 } }),
  }),
  HorizontalPodAutoscaler: fc.record({
    currentReplicas: fc.nat(9),
    desiredReplicas: fc.nat(9),
    lastScaleTime: seconds,
    currentMetrics: fc.constant([
      { type: 'Resource', resource: { name: 'cpu', current: { averageValue: '3m', averageUtilization: 5 } } },
    ]),
  }),
  PersistentVolumeClaim: quantity.map((storage) => ({
    phase: 'Bound',
    capacity: { storage },
    accessModes: ['ReadWriteOnce'],
    conditions: [{ type: 'Resizing', status: 'True', lastProbeTime: null }],
  })),
};

/** The fields beside apiVersion and kind, without a name. */
export function contentOf(kind: string): Arbitrary<object> {
  const content = CONTENTS[kind];
  if (!content) throw new Error(`test/support/arbitraryObjects.ts has no content for ${kind}: add it`);
  return fc.tuple(metadata, content).map(([meta, rest]) => ({ metadata: meta, ...rest }));
}

/** A status to give it, or none. */
export const statusOf = (kind: string): Arbitrary<object | undefined> =>
  STATUSES[kind] ?? fc.constant(undefined);
