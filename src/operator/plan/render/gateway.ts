import { GATEWAY_PATHS, GATEWAY_PORTS, GATEWAY_TOKEN_VARIABLE } from '../../../cloud/gatewayStatus.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { DEFAULT_RESOURCES } from '../facts/capacity.ts';
import { controlTokenPlace, verifyTokenPlace, webhookUrl } from '../facts/cloud.ts';
import { names, selectorLabels } from '../facts/names.ts';
import type { PinnedRelease } from '../facts/release.ts';
import { DEFAULTS } from '../facts/stackSettings.ts';
import { type Additions, type Child, child } from './child.ts';
import type { Inputs } from './fingerprint.ts';
import { type EnvVar, podTemplate } from './podTemplate.ts';
import { claim, service } from './surroundings.ts';
import { tracingVariables } from './tracingVariables.ts';

/** The gateway to the Cloud API: one pod with the journal of the messages on their way. See docs/decisions/0067-the-operator-runs-the-gateway.md. */

const DATA_FOLDER = '/var/lib/waba-network';
const SECRETS_FOLDER = '/etc/waba-cloud';

type Spec = WhatsAppDeployment['spec'];
type Cloud = NonNullable<Spec['cloud']>;
interface SecretPlace {
  readonly name: string;
  readonly key: string;
}

interface GatewayInputs extends Inputs {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: Pick<Spec, 'imagePullSecrets' | 'version'> & {
    readonly image: string | undefined;
    readonly tracing: NonNullable<Spec['emulator']>['tracing'];
    readonly cloud: Pick<
      Cloud,
      'phoneNumberId' | 'businessAccountId' | 'graphVersion' | 'graphUrl' | 'identity' | 'throughput'
    >;
    readonly webhookUrl: string | undefined;
    readonly resources: NonNullable<Cloud['gateway']>['resources'];
    readonly podTemplate: NonNullable<Cloud['gateway']>['podTemplate'];
  };
  /** Where the pod takes its secrets from. What they hold is no input: the gateway takes changes while it runs. */
  readonly secrets: Readonly<Record<(typeof FILES)[number]['file'], SecretPlace>>;
}

/** The files of the secrets, and the variables that name them. */
const FILES = [
  { file: 'access-token', variable: 'WABA_CLOUD_ACCESS_TOKEN' },
  { file: 'app-secret', variable: 'WABA_CLOUD_APP_SECRET' },
  { file: 'verify-token', variable: 'WABA_CLOUD_VERIFY_TOKEN' },
  { file: 'control-token', variable: GATEWAY_TOKEN_VARIABLE },
] as const;

/** Nothing for a stack without the Cloud API. */
export function gateway(resource: WhatsAppDeployment, release: PinnedRelease): Child[] {
  const { metadata, spec } = resource;
  const { cloud } = spec;
  if (!cloud) return [];
  const { gateway: name } = names(metadata.name);
  const { phoneNumberId, businessAccountId, graphVersion, graphUrl, identity, throughput } = cloud;
  return [
    claim(resource, 'gateway', name, cloud.gateway?.storage ?? { size: DEFAULTS.gatewaySize }),
    service(resource, 'gateway', name, {
      ports: [
        { name: 'sessions', port: GATEWAY_PORTS.sessions, targetPort: 'sessions' },
        { name: 'webhook', port: GATEWAY_PORTS.webhook, targetPort: 'webhook' },
      ],
    }),
    child(resource, {
      component: 'gateway',
      identity: { apiVersion: 'apps/v1', kind: 'StatefulSet', name },
      restarts: true,
      inputs: {
        metadata: { name: metadata.name, namespace: metadata.namespace },
        spec: {
          version: spec.version,
          // A mirror of our image, which the nodes run too.
          image: spec.images?.coreapp,
          imagePullSecrets: spec.imagePullSecrets,
          tracing: spec.emulator?.tracing,
          cloud: { phoneNumberId, businessAccountId, graphVersion, graphUrl, identity, throughput },
          webhookUrl: webhookUrl(spec),
          resources: cloud.gateway?.resources,
          podTemplate: cloud.gateway?.podTemplate,
        },
        secrets: {
          'access-token': cloud.accessTokenSecretRef,
          'app-secret': cloud.appSecretRef,
          'verify-token': verifyTokenPlace(resource),
          'control-token': controlTokenPlace(resource),
        },
      },
      release: release.stack,
      render,
      additions: { resources: DEFAULT_RESOURCES.node },
    }),
  ];
}

const HEALTH = { httpGet: { path: GATEWAY_PATHS.health, port: 'control' } };

function render(inputs: GatewayInputs, image: string, { resources: defaults }: Additions) {
  const { metadata, spec, secrets } = inputs;
  const template = podTemplate({
    stack: metadata.name,
    component: 'gateway',
    version: spec.version,
    imagePullSecrets: spec.imagePullSecrets,
    resources: spec.resources ?? defaults,
    overrides: spec.podTemplate,
    container: {
      image: spec.image ?? image,
      command: ['/usr/local/bin/waba-emulator', 'cloud'],
      args: [
        `--data=${DATA_FOLDER}`,
        `--port=${GATEWAY_PORTS.sessions}`,
        `--webhook-port=${GATEWAY_PORTS.webhook}`,
        `--control-port=${GATEWAY_PORTS.control}`,
      ],
      env: variables(inputs),
      ports: Object.entries(GATEWAY_PORTS).map(([name, containerPort]) => ({ name, containerPort })),
      volumeMounts: [
        { name: 'data', mountPath: DATA_FOLDER },
        { name: 'secrets', mountPath: SECRETS_FOLDER, readOnly: true },
      ],
      // It reads its journal before it answers.
      startupProbe: { ...HEALTH, periodSeconds: 2, failureThreshold: 300 },
      readinessProbe: { ...HEALTH, periodSeconds: 2, timeoutSeconds: 3 },
      livenessProbe: { ...HEALTH, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    },
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: names(metadata.name).gateway } },
      {
        // Mounted without subPath, so that the node renews the files when a Secret changes.
        name: 'secrets',
        projected: {
          // The group of the pod reads them, and nobody else.
          defaultMode: 0o440,
          sources: FILES.map(({ file }) => ({
            secret: { name: secrets[file].name, items: [{ key: secrets[file].key, path: file }] },
          })),
        },
      },
    ],
  });
  return {
    spec: {
      serviceName: names(metadata.name).gateway,
      replicas: 1,
      // At most one pod, also when its node is lost: two would both write the journal. Parallel, so that a pod which never
      // became ready takes a corrected template too.
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate' },
      selector: { matchLabels: selectorLabels(metadata.name, 'gateway') },
      template,
    },
  };
}

function variables({ metadata, spec: { cloud, webhookUrl: url, tracing } }: GatewayInputs): EnvVar[] {
  return [
    { name: 'WABA_CLOUD_PHONE_NUMBER_ID', value: cloud.phoneNumberId },
    { name: 'WABA_CLOUD_BUSINESS_ACCOUNT_ID', value: cloud.businessAccountId },
    { name: 'WABA_CLOUD_GRAPH_VERSION', value: cloud.graphVersion },
    { name: 'WABA_CLOUD_GRAPH_URL', value: cloud.graphUrl },
    { name: 'WABA_CLOUD_IDENTITY', value: cloud.identity },
    ...(cloud.throughput === undefined
      ? []
      : [{ name: 'WABA_CLOUD_THROUGHPUT', value: String(cloud.throughput) }]),
    ...(url === undefined ? [] : [{ name: 'WABA_CLOUD_WEBHOOK_URL', value: url }]),
    ...FILES.map(({ file, variable }) => ({ name: `${variable}_FILE`, value: `${SECRETS_FOLDER}/${file}` })),
    ...tracingVariables(tracing, metadata),
  ];
}
