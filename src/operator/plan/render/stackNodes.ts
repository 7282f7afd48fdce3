import { hashOf } from '../../../engine/kube/ownFields.ts';
import { MEDIA_PATH, NODE_PORT_NAMES, NODE_PORTS, SCRIPTS, WEB_PORT } from '../../../onprem/environment.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { LOADED } from '../facts/capacity.ts';
import { annotations, labels, names, selectorLabels } from '../facts/names.ts';
import { counts, DEFAULTS, databaseAddress, images, type ReleaseImages } from '../facts/stackSettings.ts';
import { type Child, child } from './child.ts';
import { podTemplate } from './podTemplate.ts';
import { databaseCaVolume, nodeVariables, schemaVariables, webappVariables } from './stackEnvironment.ts';

/** The vendor's own containers: schema upgrade, Masters, Coreapps, Webapps. */

export interface NodeInputs {
  readonly resource: WhatsAppDeployment;
  readonly release: ReleaseImages;
  /** Hash of the Secrets that pods read: a rotated key rolls them. */
  readonly secretsHash: string;
  /** From the journal: raised when Coreapps must restart for a setting or certificate. */
  readonly coreappRestarts: number;
  /** The same for Webapps. */
  readonly webappRestarts: number;
}

/** The absolute path behind the wait script: the images' own default command fails on newer runtimes. */
const command = (resource: WhatsAppDeployment): string[] => [
  databaseAddress(resource).engine === 'MYSQL' ? SCRIPTS.waitOnMysql : SCRIPTS.waitOnPostgres,
  SCRIPTS.launch,
];
const RETRY_SECONDS = 2;

/** Of the media options, what pods are made from. */
const volumeOf = ({ spec: { media } }: WhatsAppDeployment) =>
  media && { storage: media.storage, claimName: media.claimName };

const mediaVolume = ({ metadata, spec }: WhatsAppDeployment) => ({
  name: 'media',
  persistentVolumeClaim: { claimName: spec.media?.claimName ?? names(metadata.name).mediaClaim },
});

/** Where an upgrade of the schema changes the Job, it gets another name: Jobs can't be changed. */
function schemaJobName(resource: WhatsAppDeployment, release: ReleaseImages): string {
  const identity = {
    version: resource.spec.version ?? DEFAULTS.version,
    image: images(resource, release).coreapp,
    database: resource.spec.database,
  };
  return `${resource.metadata.name}-schema-${hashOf(identity).slice(0, 8)}`;
}

export function schemaJob({ resource, release }: NodeInputs): Child {
  const ca = databaseCaVolume(resource);
  const template = podTemplate({
    resource,
    component: 'schema',
    vendor: resource.spec.stack === 'OnPremises',
    restartPolicy: 'OnFailure',
    container: {
      image: images(resource, release).coreapp,
      command: command(resource),
      env: schemaVariables(resource),
      volumeMounts: ca.volumeMounts,
    },
    volumes: ca.volumes,
  });
  // backoffLimit counts failures; the database may take long to come up.
  return child(
    resource,
    'schema',
    { apiVersion: 'batch/v1', kind: 'Job', name: schemaJobName(resource, release) },
    { spec: { backoffLimit: 100, template } },
  );
}

function slot(inputs: NodeInputs, role: 'master' | 'coreapp', index: number): Child {
  const { resource, release, secretsHash, coreappRestarts } = inputs;
  const { name } = resource.metadata;
  const { topology, version = DEFAULTS.version, stack } = resource.spec;
  const options = resource.spec.nodes?.[role];
  const of = names(name);
  const image = images(resource, release).coreapp;
  const ca = databaseCaVolume(resource);
  const restarts = role === 'coreapp' ? coreappRestarts : 0;
  const env = nodeVariables(resource, role);
  const slotLabels = { ...selectorLabels(name, role), 'waba-operator.dev/slot': String(index) };
  const template = podTemplate({
    resource,
    component: role,
    labels: { [labels.topology]: topology, 'waba-operator.dev/slot': String(index) },
    annotations: { [annotations.secrets]: secretsHash, [annotations.restarts]: String(restarts) },
    vendor: stack === 'OnPremises',
    resources:
      options?.resources ?? (role === 'coreapp' && resource.spec.capacity ? LOADED.coreapp : undefined),
    overrides: options?.podTemplate,
    spread: true,
    container: {
      image,
      command: command(resource),
      env,
      ports: NODE_PORT_NAMES.map((port) => ({ name: port, containerPort: NODE_PORTS[port] })),
      volumeMounts: [{ name: 'media', mountPath: MEDIA_PATH }, ...ca.volumeMounts],
      // A node that creates its schema answers late; ten minutes are the least that was ever advised.
      startupProbe: {
        tcpSocket: { port: 'healthcheck' },
        periodSeconds: RETRY_SECONDS,
        failureThreshold: 300,
      },
      readinessProbe: { tcpSocket: { port: 'control' }, periodSeconds: 5 },
      livenessProbe: { tcpSocket: { port: 'healthcheck' }, periodSeconds: 10, failureThreshold: 3 },
    },
    volumes: [mediaVolume(resource), ...ca.volumes],
  });
  return child(
    resource,
    role,
    { apiVersion: 'apps/v1', kind: 'StatefulSet', name: of.slot(role, index) },
    { spec: { serviceName: of.nodesService, replicas: 1, selector: { matchLabels: slotLabels }, template } },
    {
      restarts: true,
      labels: { [labels.topology]: topology },
      inputs: {
        image,
        version,
        topology,
        secretsHash,
        restarts,
        options,
        capacity: resource.spec.capacity,
        database: resource.spec.database,
        media: volumeOf(resource),
        emulator: resource.spec.emulator,
      },
    },
  );
}

export const masters = (inputs: NodeInputs): Child[] =>
  Array.from({ length: counts(inputs.resource).masters }, (_, index) => slot(inputs, 'master', index));

export const coreapps = (inputs: NodeInputs, indexes: readonly number[]): Child[] =>
  indexes.map((index) => slot(inputs, 'coreapp', index));

export function webapps({ resource, release, secretsHash, webappRestarts }: NodeInputs): Child {
  const { name } = resource.metadata;
  const { topology, version = DEFAULTS.version, stack } = resource.spec;
  const { replicas: _, ...options } = resource.spec.nodes?.webapp ?? {};
  const image = images(resource, release).webapp;
  const ca = databaseCaVolume(resource);
  const template = podTemplate({
    resource,
    component: 'webapp',
    annotations: { [annotations.secrets]: secretsHash, [annotations.restarts]: String(webappRestarts) },
    vendor: stack === 'OnPremises',
    resources: options.resources ?? (resource.spec.capacity ? LOADED.webapp : undefined),
    overrides: options.podTemplate,
    spread: true,
    container: {
      image,
      command: command(resource),
      env: webappVariables(resource),
      ports: [{ name: 'https', containerPort: WEB_PORT }],
      volumeMounts: [{ name: 'media', mountPath: MEDIA_PATH }, ...ca.volumeMounts],
      startupProbe: {
        httpGet: { path: '/', port: 'https', scheme: 'HTTPS' },
        periodSeconds: RETRY_SECONDS,
        failureThreshold: 300,
      },
      readinessProbe: {
        httpGet: { path: '/', port: 'https', scheme: 'HTTPS' },
        periodSeconds: 5,
        timeoutSeconds: 3,
      },
      // The process may live on with a dead web server.
      livenessProbe: {
        httpGet: { path: '/', port: 'https', scheme: 'HTTPS' },
        periodSeconds: 10,
        timeoutSeconds: 5,
        failureThreshold: 3,
      },
    },
    volumes: [mediaVolume(resource), ...ca.volumes],
  });
  return child(
    resource,
    'webapp',
    { apiVersion: 'apps/v1', kind: 'Deployment', name: names(name).webapp },
    {
      spec: {
        replicas: counts(resource).webapps,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        selector: { matchLabels: selectorLabels(name, 'webapp') },
        template,
      },
    },
    {
      restarts: true,
      inputs: {
        image,
        version,
        topology,
        secretsHash,
        restarts: webappRestarts,
        options,
        capacity: resource.spec.capacity,
        database: resource.spec.database,
        media: volumeOf(resource),
      },
    },
  );
}
