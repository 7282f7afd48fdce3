import * as z from 'zod';
import { described } from '../../src/operator/resource/fields.ts';
import { type ManagedEngine, managedEngines } from '../../src/operator/resource/managedEngines.ts';

/** Values of the Helm chart: the one source of `values.yaml` and `values.schema.json`. */

const text = (description: string, value: string) => described(description, z.string()).default(value);
const flag = (description: string, value: boolean) => described(description, z.boolean()).default(value);
const count = (description: string, value: number, minimum = 1, maximum?: number) =>
  described(
    description,
    maximum === undefined ? z.int().min(minimum) : z.int().min(minimum).max(maximum),
  ).default(value);
const choice = <const T extends readonly [string, ...string[]]>(
  description: string,
  values: T,
  value: T[number],
) => described(description, z.enum(values)).default(value as never);
/** A part of a Pod or of an object's metadata; the API server validates it. */
const free = (description: string) => described(description, z.record(z.string(), z.unknown())).default({});
const freeList = (description: string) =>
  described(description, z.array(z.record(z.string(), z.unknown()))).default([]);
const strings = (description: string) => described(description, z.record(z.string(), z.string())).default({});

const image = (what: string, repository: string, more: Record<string, z.ZodType> = {}) =>
  described(
    `Image of ${what}.`,
    z.strictObject({
      repository: text('Registry and name of the image.', repository),
      tag: text('Tag of the image. Default: the app version of the chart.', ''),
      digest: text('Digest of the image, `sha256:…`. Takes precedence over the tag.', ''),
      ...more,
    }),
  );

const managedDatabaseImage = (engine: ManagedEngine) =>
  described(
    `Image of managed ${engine} databases: the official image, or one that is configured the same way.`,
    z.strictObject({
      repository: text(
        'Registry and name of the image. The tag is the version of the database.',
        managedEngines[engine].image,
      ),
    }),
  );

export const chartValues = z.strictObject({
  replicas: count(
    'Number of operator pods. One of them is the leader, and the others are standbys, unless sharding divides the work.',
    1,
    0,
  ),
  sharding: described(
    'How the operator pods share the work.',
    z.strictObject({
      shards: count(
        'Into how many parts the namespaces are divided. Each pod works on its share of them; with 1, one pod works on all. Choose several times the number of replicas you may want, at most 64: a change interrupts the operator for as long as a lease lasts.',
        1,
        1,
        64,
      ),
    }),
  ),
  image: image('the operator', 'ghcr.io/waba-operator/waba-operator', {
    pullPolicy: choice('Pull policy of the image.', ['IfNotPresent', 'Always', 'Never'], 'IfNotPresent'),
  }),
  stackImage: image(
    'the emulator, which resources with `stack: Emulator` run',
    'ghcr.io/waba-operator/waba-stack',
  ),
  databaseImage: managedDatabaseImage('PostgreSQL'),
  mysqlImage: managedDatabaseImage('MySQL'),
  mariadbImage: managedDatabaseImage('MariaDB'),
  imagePullSecrets: described(
    'Image pull Secrets of the operator pods: `[{name: …}]`.',
    z.array(z.strictObject({ name: z.string().min(1) })),
  ).default([]),
  nameOverride: text('Name of the application in labels. Default: the name of the chart.', ''),
  fullnameOverride: text('Name of the objects. Default: derived from the name of the release.', ''),
  watch: described(
    'Namespaces in which the operator runs stacks.',
    z.strictObject({
      scope: choice(
        'All: watch every namespace, and run stacks only in enabled ones. Namespaces: watch only the listed namespaces; no ClusterRole is created.',
        ['All', 'Namespaces'],
        'All',
      ),
      namespaces: described(
        'With scope Namespaces: the namespaces to watch; default: that of the release. With scope All: the namespaces to enable; `kubectl waba namespace enable` enables more later. The namespaces must exist.',
        z.array(z.string().min(1).max(63)),
      ).default([]),
    }),
  ),
  workers: count('Number of parallel reconciles of each of the three controllers.', 4),
  maxRollingStacks: count('Number of stacks that may restart pods at the same time.', 10),
  podSecurity: choice(
    'What users may give pods by podTemplate. Restricted: nothing that reaches beyond their namespace or reads its Secrets. Unrestricted: anything, so whoever may create a WhatsAppDeployment may create any pod.',
    ['Restricted', 'Unrestricted'],
    'Restricted',
  ),
  admissionPolicy: described(
    'ValidatingAdmissionPolicy that refuses what podSecurity: Restricted forbids when somebody writes it. Without it the operator refuses it later, in the status.',
    z.strictObject({
      enabled: flag(
        'Create the policy and its binding. Only an administrator of the cluster may do that.',
        true,
      ),
    }),
  ),
  webhookProbes: choice(
    'Webhook receivers that the operator checks. Public: those with a public address, and Services of the namespace of the stack. All: any, so whoever may create a stack can find out which addresses answer to the operator.',
    ['Public', 'All'],
    'Public',
  ),
  databaseOperators: described(
    'Operators whose database clusters stacks may use (docs/databases.md). Each gives this operator the right to look at their objects in the watched namespaces.',
    z.strictObject({
      cloudNativePG: flag(
        'Clusters of CloudNativePG. Also gives the right to create, change and delete them in enabled namespaces.',
        false,
      ),
      mysqlOperator: flag(
        'InnoDBClusters of MySQL Operator. Also gives the right to create, change and delete them in enabled namespaces.',
        false,
      ),
      mariadbOperator: flag(
        'MariaDBs of MariaDB Operator. Also gives the right to create, change and delete them, and Users and Grants, in enabled namespaces.',
        false,
      ),
    }),
  ),
  log: described(
    'Logs of the operator.',
    z.strictObject({
      level: choice('Log level.', ['error', 'warn', 'info', 'debug'], 'info'),
      format: choice('json for programs, pretty for people.', ['json', 'pretty'], 'json'),
    }),
  ),
  crds: described(
    'CustomResourceDefinitions.',
    z.strictObject({
      enabled: flag('Install and upgrade the CustomResourceDefinitions with the chart.', true),
      keep: flag(
        'Keep the CustomResourceDefinitions, and so every WhatsAppDeployment, WhatsAppBackup and WhatsAppFleet, when the release is uninstalled.',
        true,
      ),
    }),
  ),
  rbac: described(
    'Permissions of the operator.',
    z.strictObject({
      create: flag('Create Roles and their bindings. If false, an administrator must create them.', true),
    }),
  ),
  serviceAccount: described(
    'ServiceAccount of the operator.',
    z.strictObject({
      create: flag('Create the ServiceAccount.', true),
      name: text(
        'Name of the ServiceAccount. Default: the name of the objects, or `default` when create is false.',
        '',
      ),
      annotations: strings('Annotations of the ServiceAccount.'),
    }),
  ),
  resources: free('Requests and limits of the operator container, as in a Pod.').default({
    requests: { cpu: '50m', memory: '96Mi' },
    limits: { memory: '256Mi' },
  }),
  runAsUser: described(
    'User and group of the operator process. null lets the cluster choose, as OpenShift requires.',
    z.int().min(1).nullable(),
  ).default(65_532),
  nodeSelector: strings('Labels of the nodes on which the operator may run.'),
  tolerations: freeList('Tolerations, as in a Pod.'),
  affinity: free('Affinity, as in a Pod.'),
  topologySpreadConstraints: freeList(
    'Topology spread constraints, as in a Pod. Default: spread the pods over nodes.',
  ),
  priorityClassName: text('Priority class of the operator pods.', ''),
  env: freeList('Extra environment variables of the operator, as in a Pod; for example for a proxy.'),
  labels: strings('Extra labels of every object.'),
  podLabels: strings('Extra labels of the operator pods.'),
  podAnnotations: strings('Extra annotations of the operator pods.'),
  podDisruptionBudget: described(
    'PodDisruptionBudget of the operator. The chart creates it only with two or more replicas.',
    z.strictObject({
      enabled: flag('Create the PodDisruptionBudget.', true),
      maxUnavailable: count('Number of pods that may be unavailable.', 1),
    }),
  ),
  networkPolicy: described(
    'NetworkPolicy of the operator. It allows only connections to the port for health checks and metrics, and what the operator connects to if `egress` says so.',
    z.strictObject({
      enabled: flag('Create the NetworkPolicy.', true),
      scrapeFrom: freeList('Peers that may connect, as `from` of a NetworkPolicy. Default: everyone.'),
      egress: freeList(
        'What the operator may connect to, as `egress` of a NetworkPolicy: DNS, the API server, port 443 of the Webapps in every enabled namespace, and the webhook receivers that it checks. Default: everything.',
      ),
    }),
  ),
  metrics: described(
    'Metrics of the operator.',
    z.strictObject({
      service: described(
        'Service of the metrics.',
        z.strictObject({
          enabled: flag('Create the Service.', true),
          port: described('Port of the Service.', z.int().min(1).max(65_535)).default(8081),
          annotations: strings('Annotations of the Service.'),
        }),
      ),
      serviceMonitor: described(
        'ServiceMonitor of the metrics. Needs the CustomResourceDefinitions of the Prometheus operator.',
        z.strictObject({
          enabled: flag('Create the ServiceMonitor.', false),
          interval: text('Time between two scrapes.', '30s'),
          labels: strings('Labels by which Prometheus selects the ServiceMonitor.'),
        }),
      ),
      alerts: described(
        'PrometheusRule with the alerts. Needs the CustomResourceDefinitions of the Prometheus operator.',
        z.strictObject({
          enabled: flag('Create the PrometheusRule.', false),
          labels: strings('Labels by which Prometheus selects the PrometheusRule.'),
        }),
      ),
      dashboards: described(
        'Grafana dashboards, as ConfigMaps for the sidecar of Grafana.',
        z.strictObject({
          enabled: flag('Create the ConfigMaps.', false),
          labels: strings('Labels by which the sidecar finds the ConfigMaps.').default({
            grafana_dashboard: '1',
          }),
        }),
      ),
    }),
  ),
  tracing: described(
    "Traces of the operator's reconciles, as OTLP over HTTP. Stacks have `spec.emulator.tracing`.",
    z.strictObject({
      endpoint: text(
        'URL of the collector, without `/v1/traces`, such as http://tempo.monitoring.svc:4318. Empty: no traces.',
        '',
      ),
      samplingPercent: described('Share of the reconciles that are traced.', z.int().min(0).max(100)).default(
        100,
      ),
      headersSecret: described(
        'Secret with the headers of each request to the collector, as `name=value,name=value`, URL-encoded.',
        z.strictObject({
          name: text('Name of the Secret, in the namespace of the operator. Empty: no headers.', ''),
          key: text('Key in the Secret.', 'headers'),
        }),
      ),
    }),
  ),
  global: described(
    'Values that a parent chart shares with its subcharts. This chart does not read them.',
    z.record(z.string(), z.unknown()),
  ).default({}),
});
