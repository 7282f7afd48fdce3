import { z } from 'zod';
import { described } from '../../src/operator/resource/fields.ts';

/** Values of the Helm chart: the one source of `values.yaml` and `values.schema.json`. */

const text = (description: string, value: string) => described(description, z.string()).default(value);
const flag = (description: string, value: boolean) => described(description, z.boolean()).default(value);
const count = (description: string, value: number, minimum = 1) =>
  described(description, z.int().min(minimum)).default(value);
const choice = <const T extends readonly [string, ...string[]]>(
  description: string,
  values: T,
  value: T[number],
) => described(description, z.enum(values)).default(value as never);
/** A part of a Pod or of an object's metadata, judged by the API server. */
const free = (description: string) => described(description, z.record(z.string(), z.unknown())).default({});
const freeList = (description: string) =>
  described(description, z.array(z.record(z.string(), z.unknown()))).default([]);
const strings = (description: string) => described(description, z.record(z.string(), z.string())).default({});

const image = (what: string, repository: string, more: Record<string, z.ZodType> = {}) =>
  described(
    `Image of ${what}.`,
    z.strictObject({
      repository: text('Registry and name.', repository),
      tag: text('Tag; the version of the chart when empty.', ''),
      digest: text('`sha256:…`; it goes before the tag.', ''),
      ...more,
    }),
  );

export const chartValues = z.strictObject({
  replicas: count('Operators; one of them works, the others take over.', 1, 0),
  image: image('the operator', 'ghcr.io/waba-operator/waba-operator', {
    pullPolicy: choice('When it is pulled.', ['IfNotPresent', 'Always', 'Never'], 'IfNotPresent'),
  }),
  stackImage: image(
    'our implementation of the stack, which stacks of `stack: Emulator` run',
    'ghcr.io/waba-operator/waba-stack',
  ),
  databaseImage: described(
    'The managed database: the official PostgreSQL image, or one with its contract.',
    z.strictObject({
      repository: text('Registry and name; the tag is the version.', 'docker.io/library/postgres'),
    }),
  ),
  imagePullSecrets: described(
    'Secrets for pulling the operator image: `[{name: …}]`.',
    z.array(z.strictObject({ name: z.string().min(1) })),
  ).default([]),
  nameOverride: text('Name of the chart in labels.', ''),
  fullnameOverride: text('Name of the objects; derived from the release when empty.', ''),
  watch: described(
    'Where WhatsAppDeployments are acted on.',
    z.strictObject({
      scope: choice(
        'All: every namespace; Secrets only in those enabled. Namespaces: only those listed, without any ClusterRole.',
        ['All', 'Namespaces'],
        'All',
      ),
      namespaces: described(
        'With scope Namespaces: what is watched, the release namespace when empty. With scope All: what is enabled from the start; later ones by `kubectl waba namespace enable`. They must exist.',
        z.array(z.string().min(1).max(63)),
      ).default([]),
    }),
  ),
  workers: count('Reconciles at a time, for each of the two controllers.', 4),
  maxRollingStacks: count('Stacks that may restart pods at the same time.', 10),
  log: described(
    'Logs of the operator.',
    z.strictObject({
      level: choice('How much is logged.', ['error', 'warn', 'info', 'debug'], 'info'),
      format: choice('For programs or for people.', ['json', 'pretty'], 'json'),
    }),
  ),
  crds: described(
    'The CustomResourceDefinitions.',
    z.strictObject({
      enabled: flag('Install and upgrade them with the chart.', true),
      keep: flag('Keep them, and with them every resource, when the release is uninstalled.', true),
    }),
  ),
  rbac: described(
    'Rights of the operator.',
    z.strictObject({ create: flag('Make them; otherwise somebody else has to.', true) }),
  ),
  serviceAccount: described(
    'Account of the operator.',
    z.strictObject({
      create: flag('Make it.', true),
      name: text('Its name; that of the objects when empty.', ''),
      annotations: strings('Its annotations.'),
    }),
  ),
  resources: free('Requests and limits of the operator, as in a Pod.').default({
    requests: { cpu: '50m', memory: '96Mi' },
    limits: { memory: '256Mi' },
  }),
  runAsUser: described(
    'User and group of the process; null lets the cluster choose (OpenShift).',
    z.int().min(1).nullable(),
  ).default(65_532),
  nodeSelector: strings('Node labels that the operator requires.'),
  tolerations: freeList('Tolerations, as in a Pod.'),
  affinity: free('Affinity, as in a Pod.'),
  topologySpreadConstraints: freeList(
    'Topology spread constraints, as in a Pod; by default replicas avoid one node.',
  ),
  priorityClassName: text('Priority class of the operator.', ''),
  env: freeList('Extra variables of the operator, as in a Pod: proxies, for example.'),
  labels: strings('Extra labels of every object.'),
  podLabels: strings('Extra labels of the pods.'),
  podAnnotations: strings('Extra annotations of the pods.'),
  podDisruptionBudget: described(
    'Keeps an operator while nodes are drained; made from two replicas on.',
    z.strictObject({ enabled: flag('Make it.', true), maxUnavailable: count('Pods that may be away.', 1) }),
  ),
  networkPolicy: described(
    'Lets nothing in but health checks and scrapes.',
    z.strictObject({
      enabled: flag('Make it.', true),
      scrapeFrom: freeList('Who may scrape, as `from` of a NetworkPolicy; everybody when empty.'),
    }),
  ),
  metrics: described(
    'Metrics of the operator.',
    z.strictObject({
      service: described(
        'The Service in front of them.',
        z.strictObject({
          enabled: flag('Make it.', true),
          port: described('Its port.', z.int().min(1).max(65_535)).default(8081),
          annotations: strings('Its annotations.'),
        }),
      ),
      serviceMonitor: described(
        'For the Prometheus operator, whose CustomResourceDefinitions must be there.',
        z.strictObject({
          enabled: flag('Make it.', false),
          interval: text('How often to scrape.', '30s'),
          labels: strings('Labels by which a Prometheus selects it.'),
        }),
      ),
      alerts: described(
        'Alert rules for the Prometheus operator, whose CustomResourceDefinitions must be there.',
        z.strictObject({
          enabled: flag('Make them.', false),
          labels: strings('Labels by which a Prometheus selects them.'),
        }),
      ),
      dashboards: described(
        'Dashboards for Grafana, as ConfigMaps that its sidecar finds.',
        z.strictObject({
          enabled: flag('Make them.', false),
          labels: strings('Labels by which the sidecar finds them.').default({ grafana_dashboard: '1' }),
        }),
      ),
    }),
  ),
  global: described(
    'Values that charts around this one share; not read.',
    z.record(z.string(), z.unknown()),
  ).default({}),
});
