import { hashOf } from '../../../engine/kube/ownFields.ts';
import { WEB_PORT } from '../../../onprem/environment.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { annotations, NETWORK, names, selectorLabels, stackLabels } from '../facts/names.ts';
import { DEFAULTS, images, isCluster, NODE_PORT_LIST, type ReleaseImages } from '../facts/stackSettings.ts';
import { type Child, child, ownerReference } from './child.ts';
import { podTemplate } from './podTemplate.ts';

/** Everything around the stack's own nodes: account, Services, claims, database, network process. */

const service = (
  resource: WhatsAppDeployment,
  component: 'database' | 'webapp' | 'coreapp',
  name: string,
  spec: Record<string, unknown>,
): Child =>
  child(
    resource,
    component,
    { apiVersion: 'v1', kind: 'Service', name },
    { spec: { selector: selectorLabels(resource.metadata.name, component), ...spec } },
  );

const claim = (
  resource: WhatsAppDeployment,
  component: 'database' | 'media',
  name: string,
  storage: { size: string | number; storageClassName?: string | undefined; accessMode?: string },
): Child =>
  child(
    resource,
    component,
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name },
    {
      spec: {
        accessModes: [storage.accessMode ?? 'ReadWriteOnce'],
        resources: { requests: { storage: String(storage.size) } },
        ...(storage.storageClassName ? { storageClassName: storage.storageClassName } : {}),
      },
    },
    { retained: true },
  );

export function serviceAccount(resource: WhatsAppDeployment): Child {
  const name = names(resource.metadata.name).serviceAccount;
  return child(
    resource,
    'secrets',
    { apiVersion: 'v1', kind: 'ServiceAccount', name },
    { automountServiceAccountToken: false },
  );
}

export function services(resource: WhatsAppDeployment): Child[] {
  const of = names(resource.metadata.name);
  const { type = 'ClusterIP', annotations, ports } = resource.spec.service ?? {};
  const web = service(resource, 'webapp', of.webapp, {
    type,
    ports: [{ name: 'https', port: ports?.https ?? WEB_PORT, targetPort: 'https' }],
  });
  const nodePorts = NODE_PORT_LIST.map((port) => ({ name: `wa-${port}`, port, targetPort: port }));
  return [
    annotations
      ? { ...web, object: { ...web.object, metadata: { ...web.object.metadata, annotations } } }
      : web,
    // StatefulSets want one; nodes are reached by their addresses.
    child(
      resource,
      'coreapp',
      { apiVersion: 'v1', kind: 'Service', name: of.nodesService },
      {
        spec: {
          clusterIP: 'None',
          publishNotReadyAddresses: true,
          selector: { 'app.kubernetes.io/instance': resource.metadata.name },
          ports: nodePorts,
        },
      },
    ),
    ...(isCluster(resource) ? [] : [service(resource, 'coreapp', of.coreappService, { ports: nodePorts })]),
  ];
}

/** While machines are drained, one node of a role is away at a time: that is what the standbys are for. */
export const disruptionBudgets = (resource: WhatsAppDeployment): Child[] =>
  (isCluster(resource) ? (['webapp', 'master', 'coreapp'] as const) : []).map((component) =>
    child(
      resource,
      component,
      {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        name: names(resource.metadata.name).disruptionBudget(component),
      },
      {
        spec: {
          maxUnavailable: 1,
          selector: { matchLabels: selectorLabels(resource.metadata.name, component) },
        },
      },
    ),
  );

export function mediaClaim(resource: WhatsAppDeployment): Child[] {
  const { media } = resource.spec;
  if (media?.claimName) return [];
  const storage = media?.storage ?? { size: DEFAULTS.mediaSize, accessMode: 'ReadWriteMany' };
  return [claim(resource, 'media', names(resource.metadata.name).mediaClaim, storage)];
}

/** The user `postgres` of the official image: any other has no entry in its /etc/passwd. */
const DATABASE_USER = 999;

/** A single PostgreSQL server, for development and small numbers. */
export function managedDatabase(resource: WhatsAppDeployment, release: ReleaseImages): Child[] {
  const { managed } = resource.spec.database;
  if (!managed) return [];
  const of = names(resource.metadata.name);
  const image = images(resource, release).database;
  const template = podTemplate({
    resource,
    component: 'database',
    resources: managed.resources,
    terminationGracePeriodSeconds: 60,
    user: DATABASE_USER,
    container: {
      image,
      args: ['-c', `max_connections=${DEFAULTS.databaseConnections}`],
      env: [
        { name: 'POSTGRES_USER', valueFrom: { secretKeyRef: { name: of.databaseSecret, key: 'username' } } },
        {
          name: 'POSTGRES_PASSWORD',
          valueFrom: { secretKeyRef: { name: of.databaseSecret, key: 'password' } },
        },
        // A folder below the mount point: an ext4 volume has a lost+found that initdb refuses.
        { name: 'PGDATA', value: '/var/lib/postgresql/data/pgdata' },
      ],
      ports: [{ name: 'postgres', containerPort: 5432 }],
      volumeMounts: [
        { name: 'data', mountPath: '/var/lib/postgresql/data' },
        { name: 'run', mountPath: '/var/run/postgresql' },
        { name: 'tmp', mountPath: '/tmp' },
      ],
      readinessProbe: { tcpSocket: { port: 'postgres' }, periodSeconds: 2, timeoutSeconds: 2 },
      livenessProbe: {
        tcpSocket: { port: 'postgres' },
        periodSeconds: 10,
        timeoutSeconds: 5,
        failureThreshold: 6,
        initialDelaySeconds: 30,
      },
    },
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: of.databaseClaim } },
      { name: 'run', emptyDir: {} },
      { name: 'tmp', emptyDir: {} },
    ],
  });
  return [
    claim(resource, 'database', of.databaseClaim, managed.storage),
    service(resource, 'database', of.database, {
      ports: [{ name: 'postgres', port: 5432, targetPort: 'postgres' }],
    }),
    child(
      resource,
      'database',
      { apiVersion: 'apps/v1', kind: 'StatefulSet', name: of.database },
      {
        spec: {
          serviceName: of.database,
          replicas: 1,
          selector: { matchLabels: selectorLabels(resource.metadata.name, 'database') },
          template,
        },
      },
      { restarts: true, inputs: { managed, image } },
    ),
  ];
}

/** One network process serves all emulator stacks of a namespace, and goes with the last of them. */
export function networkProcess(
  resource: WhatsAppDeployment,
  stacks: readonly WhatsAppDeployment[],
  release: ReleaseImages,
): Child[] {
  const users = stacks.filter(({ spec }) => spec.stack === 'Emulator' && !spec.emulator?.network?.url);
  if (!users.some(({ metadata }) => metadata.uid === resource.metadata.uid)) return [];
  const { namespace } = resource.metadata;
  const selector = { 'app.kubernetes.io/component': 'network', 'app.kubernetes.io/instance': NETWORK.name };
  const shared = (
    object: { apiVersion: string; kind: string },
    content: Record<string, unknown>,
    retained = false,
  ): Child => ({
    retained,
    restarts: object.kind === 'Deployment',
    object: {
      ...object,
      metadata: {
        name: NETWORK.name,
        namespace,
        labels: { ...stackLabels(NETWORK.name, 'network'), ...selector },
        ...(object.kind === 'Deployment'
          ? {
              annotations: {
                [annotations.template]: hashOf((content.spec as { template: unknown }).template),
              },
            }
          : {}),
        // No stack controls it: it is collected when all of them are gone.
        ...(retained
          ? {}
          : {
              ownerReferences: users
                .map((user) => ownerReference(user, false))
                .sort((a, b) => a.uid.localeCompare(b.uid)),
            }),
      },
      ...content,
    },
  });
  const template = podTemplate({
    resource: { ...resource, metadata: { ...resource.metadata, name: NETWORK.name } },
    component: 'network',
    serviceAccountName: 'default',
    container: {
      image: release.stack,
      command: ['/usr/local/bin/waba-emulator', 'network'],
      args: [
        '--data=/var/lib/waba-network',
        `--port=${NETWORK.port}`,
        `--control-port=${NETWORK.controlPort}`,
      ],
      env: [],
      ports: [
        { name: 'sessions', containerPort: NETWORK.port },
        { name: 'control', containerPort: NETWORK.controlPort },
      ],
      volumeMounts: [{ name: 'data', mountPath: '/var/lib/waba-network' }],
      readinessProbe: { httpGet: { path: '/healthz', port: 'control' }, periodSeconds: 2 },
    },
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: NETWORK.name } }],
  });
  return [
    // It knows which numbers are registered, so it is kept as long as anybody's data.
    shared(
      { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
      { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
      true,
    ),
    shared(
      { apiVersion: 'v1', kind: 'Service' },
      {
        spec: {
          selector,
          ports: [
            { name: 'sessions', port: NETWORK.port, targetPort: 'sessions' },
            { name: 'control', port: NETWORK.controlPort, targetPort: 'control' },
          ],
        },
      },
    ),
    shared(
      { apiVersion: 'apps/v1', kind: 'Deployment' },
      {
        // Two at once would both write the journal.
        spec: { replicas: 1, strategy: { type: 'Recreate' }, selector: { matchLabels: selector }, template },
      },
    ),
  ];
}
