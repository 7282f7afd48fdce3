import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { load } from 'js-yaml';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { isNotFound } from '../../src/engine/kube/apiError.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds, type ResourceKind } from '../../src/engine/kube/kubeObject.ts';
import { decodeSecret, type SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import {
  CLUSTER_FIELDS,
  type ClusterField,
  databaseClusters,
} from '../../src/operator/resource/databaseClusters.ts';
import { CLUSTER_KINDS, COMPANION_KINDS, WhatsAppBackupKind } from '../../src/operator/state/stackSources.ts';
import { account } from '../support/accounts.ts';
import { chartRulesWithDatabases } from '../support/chartRules.ts';
import {
  freshNamespace,
  installCrd,
  installDefinition,
  never,
  testClient,
  WhatsAppDeploymentKind,
} from '../support/cluster.ts';
import { type CountedOperator, playKubelet, startCountedOperator } from '../support/countedOperator.ts';
import { eventually } from '../support/eventually.ts';

/**
 * Stacks on database clusters, by their real CustomResourceDefinitions. The operators of these are played, and ours has the
 * rights that the chart gives.
 */

const STACK = 'clustered';
const CLUSTER = `${STACK}-db`;
const healthy = (name: string) => ({
  phase: 'Cluster in healthy state',
  readyInstances: 3,
  instancesStatus: { healthy: [1, 2, 3].map((number) => `${name}-${number}`) },
  currentPrimary: `${name}-1`,
  targetPrimary: `${name}-1`,
});
const HEALTHY = healthy(CLUSTER);
type Stored = KubeObject & {
  status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
};

let client: KubeClient;
let namespace: string;
let operator: CountedOperator;
const kubelet = new AbortController();

beforeAll(async () => {
  client = await testClient();
  await installCrd(client);
  namespace = await freshNamespace(client);
  for (const file of ['mysqlOperator', 'mariadbOperator', 'mariadbOperatorUser', 'mariadbOperatorGrant'])
    await installDefinition(client, await definitionOf(file));
  const upstream = await kubeconfigCredentials(systemClock, { path: inject('kubeconfig') });
  const rules = await chartRulesWithDatabases();
  const credentials = await account(client, upstream, namespace, 'operator', rules);
  operator = startCountedOperator(credentials, namespace, CLUSTER_FIELDS);
  void playKubelet(client, namespace, kubelet.signal);
}, 120_000);

afterAll(async () => {
  await operator.stop();
  kubelet.abort();
});

const definitionOf = async (file: string) =>
  load(await readFile(`test/support/crds/${file}.yaml`, 'utf8')) as KubeObject;

async function becomes(name: string, status: string, reason: string) {
  let last: unknown;
  return eventually(async () => {
    const stored = await client.get<Stored>(WhatsAppDeploymentKind, namespace, name, never);
    const found = stored.status?.conditions?.find(({ type }) => type === 'DatabaseReady');
    last = found;
    return found?.status === status && found.reason === reason ? found : undefined;
  }, 90_000).catch((cause: unknown) => {
    throw new Error(`DatabaseReady is ${JSON.stringify(last)}`, { cause });
  });
}

/** What another operator tells of its object. */
const toldOf = (kind: ResourceKind, name: string, status: object) =>
  client.mergePatch(kind, { namespace, name, subresource: 'status' }, { status }, never);
const told = (field: ClusterField, name: string, status: object) =>
  toldOf(CLUSTER_KINDS[field], name, status);

const made = (object: object) => client.create(object as KubeObject, { fieldManager: 'test' }, never);
const secret = (name: string, stringData: object) =>
  made({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });
const stackOn = (name: string, phoneNumber: string, database: object, more: object = {}) =>
  made({
    apiVersion: WhatsAppDeploymentKind.apiVersion,
    kind: WhatsAppDeploymentKind.kind,
    metadata: { name, namespace },
    spec: { phoneNumber, topology: 'Single', database, ...more },
  });
const cluster = () => client.get(CLUSTER_KINDS.cloudNativePG, namespace, CLUSTER, never);
const deleted = async (stack: string) => {
  await client.delete(WhatsAppDeploymentKind, namespace, stack, {}, never);
  await eventually(() => isGone(client.get(WhatsAppDeploymentKind, namespace, stack, never)), 60_000);
};
const isGone = (asked: Promise<unknown>) => asked.then(() => false, isNotFound);

it('waits for the kind, makes the Cluster, tells its state, and survives a failover', async () => {
  await stackOn(STACK, '+16315550877', { cloudNativePG: {} });
  expect((await becomes(STACK, 'False', 'KindMissing')).message).toContain('install CloudNativePG');

  await installDefinition(client, await definitionOf('cloudNativePG'));
  await becomes(STACK, 'False', 'ClusterNotServing');
  const { spec } = await eventually(() => cluster().catch(() => undefined));
  expect(spec).toMatchObject({ instances: 3, bootstrap: { initdb: { owner: 'waba' } } });
  const ofCluster = () => operator.writes.filter(({ path }) => path.includes('/clusters/'));
  await secret(`${CLUSTER}-app`, { username: 'waba', password: 'p' });
  await secret(`${CLUSTER}-ca`, { 'ca.crt': 'CA' });
  await told('cloudNativePG', CLUSTER, HEALTHY);
  expect((await becomes(STACK, 'True', 'Reachable')).message).toContain('3 of 3 instances are ready');

  await told('cloudNativePG', CLUSTER, { ...HEALTHY, phase: 'Failing over', targetPrimary: 'pending' });
  expect((await becomes(STACK, 'False', 'ClusterNotServing')).message).toContain('Failing over');
  const pods = (await client.list(kinds.Pod, { namespace }, never)).items.map(({ metadata }) => metadata.uid);
  await told('cloudNativePG', CLUSTER, {
    ...HEALTHY,
    currentPrimary: `${CLUSTER}-2`,
    targetPrimary: `${CLUSTER}-2`,
  });
  expect((await becomes(STACK, 'True', 'Reachable')).message).toContain(`the primary is ${CLUSTER}-2`);
  const after = (await client.list(kinds.Pod, { namespace }, never)).items.map(
    ({ metadata }) => metadata.uid,
  );
  expect(after).toEqual(expect.arrayContaining(pods));
  // What the server adds by its defaults is nobody's edit.
  expect(ofCluster()).toHaveLength(1);
}, 240_000);

it('keeps the Cluster that it made with Retain, finds it again, and deletes it with Delete', async () => {
  const { uid } = (await cluster()).metadata;
  await deleted(STACK);
  await stackOn(STACK, '+16315550877', { cloudNativePG: {} }, { deletionPolicy: 'Delete' });
  await becomes(STACK, 'True', 'Reachable');
  expect((await cluster()).metadata.uid).toBe(uid);
  await deleted(STACK);
  await eventually(() => isGone(cluster()));
}, 240_000);

const since = { lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'Played' };
/** Clusters that somebody else made, and what their operators publish and tell. */
const REFERENCES = {
  mysqlOperator: {
    name: 'innodb',
    spec: { secretName: 'innodb-login', instances: 3 },
    secrets: {
      'innodb-login': { rootUser: 'root', rootHost: '%', rootPassword: 'p' },
      'innodb-ca': { 'ca.pem': 'CA' },
    },
    choice: { name: 'innodb' },
    serving: { cluster: { status: 'ONLINE', onlineInstances: 3 } },
    words: 'ONLINE; 3 of 3 instances are online',
    failing: { cluster: { status: 'NO_QUORUM', onlineInstances: 1 } },
    failingWords: 'NO_QUORUM; 1 of 3 instances are online',
  },
  mariadbOperator: {
    name: 'galera',
    spec: { replicas: 3, galera: { enabled: true }, storage: { size: '1Gi' } },
    secrets: { 'galera-user': { username: 'waba', password: 'p' }, 'galera-ca-bundle': { 'ca.crt': 'CA' } },
    choice: { name: 'galera', credentialsSecretRef: { name: 'galera-user' } },
    serving: {
      currentPrimary: 'galera-0',
      conditions: [{ ...since, type: 'Ready', status: 'True', message: 'Running' }],
    },
    words: 'Running; the primary is galera-0',
    failing: { conditions: [{ ...since, type: 'Ready', status: 'False', message: 'Switching primary' }] },
    failingWords: 'Switching primary',
  },
} as const;

it.each(Object.keys(REFERENCES) as (keyof typeof REFERENCES)[])(
  'connects a stack to a cluster of %s, and never writes to it',
  async (field) => {
    const { name, spec, secrets, choice, serving, words, failing, failingWords } = REFERENCES[field];
    const { apiVersion, kind } = databaseClusters[field];
    await made({ apiVersion, kind, metadata: { name, namespace }, spec });
    for (const [secretName, data] of Object.entries(secrets)) await secret(secretName, data);
    const stack = `on-${name}`;
    const phoneNumber = field === 'mysqlOperator' ? '+16315550878' : '+16315550879';
    await stackOn(stack, phoneNumber, { [field]: choice }, { deletionPolicy: 'Delete' });
    expect((await becomes(stack, 'False', 'ClusterNotServing')).message).toContain('has not looked at it');
    await told(field, name, serving);
    expect((await becomes(stack, 'True', 'Reachable')).message).toContain(words);
    await told(field, name, failing);
    expect((await becomes(stack, 'False', 'ClusterNotServing')).message).toContain(failingWords);
    await deleted(stack);
    const { plural } = CLUSTER_KINDS[field];
    expect(operator.writes.filter(({ path }) => path.includes(`/${plural}/`))).toEqual([]);
    expect(await client.get(CLUSTER_KINDS[field], namespace, name, never)).toMatchObject({ spec });
  },
  240_000,
);

const found = (kind: ResourceKind, name: string) =>
  eventually(() => client.get(kind, namespace, name, never).catch(() => undefined));
const valuesOf = async (name: string) => decodeSecret((await found(kinds.Secret, name)) as SecretObject);
const allGone = (kind: ResourceKind, ...objects: string[]) =>
  eventually(async () => {
    const gone = await Promise.all(objects.map((name) => isGone(client.get(kind, namespace, name, never))));
    return !gone.includes(false);
  }, 60_000);
/** How often the operator wrote an object. */
const writesOf = (kind: ResourceKind, name: string) =>
  operator.writes.filter(({ path }) => path.endsWith(`/${kind.plural}/${name}`));

/** Waits for the words of another operator in `DatabaseReady`. */
const awaits = (stack: string, words: string) =>
  eventually(async () => {
    const { message } = await becomes(stack, 'False', 'ClusterNotServing');
    return message.includes(words);
  }, 60_000);

it('makes an InnoDBCluster with an account and certificates, and deletes it with the volumes that it leaves', async () => {
  const kind = CLUSTER_KINDS.mysqlOperator;
  const [stack, name] = ['inno', 'inno-db'];
  const database = { mysqlOperator: { resources: { requests: { memory: '2Gi' } } } };
  await stackOn(stack, '+16315550880', database, { deletionPolicy: 'Delete' });
  await awaits(stack, 'has not looked at it');
  expect(await found(kind, name)).toMatchObject({
    spec: {
      instances: 3,
      version: '8.4.3',
      secretName: 'inno-db-account',
      tlsUseSelfSigned: false,
      tlsCASecretName: 'inno-db-certificate',
      tlsSecretName: 'inno-db-certificate',
      router: { instances: 2, tlsSecretName: 'inno-db-certificate' },
      datadirVolumeClaimTemplate: { resources: { requests: { storage: '10Gi' } } },
      podSpec: { containers: [{ name: 'mysql', resources: { requests: { memory: '2Gi' } } }] },
    },
  });
  expect(await valuesOf('inno-db-account')).toMatchObject({ rootUser: 'waba', rootHost: '%' });
  const certificate = await valuesOf('inno-db-certificate');
  const server = new X509Certificate(certificate['tls.crt'] ?? '');
  expect(server.verify(new X509Certificate(certificate['ca.pem'] ?? '').publicKey)).toBe(true);
  // The routers by their Service, as the stack calls them, and the servers as they call each other.
  for (const host of [
    `${name}.${namespace}.svc`,
    `${name}-0.${name}-instances.${namespace}.svc.cluster.local`,
  ])
    expect(server.checkHost(host)).toBeDefined();

  await told('mysqlOperator', name, { cluster: { status: 'PENDING', onlineInstances: 0 } });
  await awaits(stack, 'PENDING');
  await told('mysqlOperator', name, { cluster: { status: 'ONLINE', onlineInstances: 3 } });
  expect((await becomes(stack, 'True', 'Reachable')).message).toContain('3 of 3 instances are online');
  expect(writesOf(kind, name)).toHaveLength(1);

  // MySQL Operator deletes no volume.
  const volume = (volumeName: string, ofCluster: string) =>
    made({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: volumeName,
        namespace,
        labels: { component: 'mysqld', tier: 'mysql', 'mysql.oracle.com/cluster': ofCluster },
      },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
  await volume(`datadir-${name}-0`, name);
  await volume('datadir-other-0', 'other');
  await deleted(stack);
  await allGone(kind, name);
  await allGone(kinds.PersistentVolumeClaim, `datadir-${name}-0`);
  await allGone(kinds.Secret, 'inno-db-account', 'inno-db-certificate');
  const other = await client.get(kinds.PersistentVolumeClaim, namespace, 'datadir-other-0', never);
  expect(other.metadata.deletionTimestamp).toBeUndefined();
}, 240_000);

it('makes a MariaDB with a user and its rights, tells which of them is not there yet, and keeps or deletes all', async () => {
  const kind = CLUSTER_KINDS.mariadbOperator;
  const [user, grant] = COMPANION_KINDS.mariadbOperator as [ResourceKind, ResourceKind];
  const [stack, name] = ['maria', 'maria-db'];
  const ready = (status: string, message: string) => ({
    conditions: [{ ...since, type: 'Ready', status, message }],
  });
  await stackOn(stack, '+16315550881', { mariadbOperator: {} });
  await awaits(stack, 'has not looked at it');
  expect(await found(kind, name)).toMatchObject({
    spec: {
      replicas: 3,
      replication: { enabled: true, semiSyncEnabled: true, semiSyncWaitPoint: 'AfterSync', syncBinlog: 1 },
      storage: { size: '10Gi', pvcRetentionPolicy: { whenDeleted: 'Retain' } },
      tls: { enabled: true, required: true },
    },
  });
  const reference = { mariaDbRef: { name, waitForIt: true }, cleanupPolicy: 'Skip' };
  const password = { name: 'maria-db-login', key: 'password' };
  expect(await found(user, name)).toMatchObject({
    spec: { ...reference, name: 'waba', host: '%', passwordSecretKeyRef: password },
  });
  expect(await found(grant, name)).toMatchObject({ spec: { ...reference, username: 'waba', database: '*' } });
  expect(await valuesOf('maria-db-login')).toMatchObject({ username: 'waba' });

  await secret(`${name}-ca-bundle`, { 'ca.crt': 'CA' });
  await told('mariadbOperator', name, { currentPrimary: `${name}-0`, ...ready('True', 'Running') });
  await awaits(
    stack,
    `User ${name} is not ready, so the stack has no login: MariaDB Operator has not looked at it yet`,
  );
  await toldOf(user, name, ready('False', 'Error creating User: Access denied'));
  await awaits(stack, 'Error creating User: Access denied');
  await toldOf(user, name, ready('True', 'Created'));
  await awaits(stack, `Grant ${name} is not ready`);
  await toldOf(grant, name, ready('True', 'Created'));
  expect((await becomes(stack, 'True', 'Reachable')).message).toContain(`the primary is ${name}-0`);
  // What the server adds by its defaults is nobody's edit.
  for (const one of [kind, user, grant]) expect(writesOf(one, name)).toHaveLength(1);

  const { uid } = (await found(kind, name)).metadata;
  await deleted(stack);
  await stackOn(stack, '+16315550881', { mariadbOperator: {} }, { deletionPolicy: 'Delete' });
  await becomes(stack, 'True', 'Reachable');
  const again = await found(kind, name);
  expect(again.metadata.uid).toBe(uid);
  expect(again.spec).toMatchObject({ storage: { pvcRetentionPolicy: { whenDeleted: 'Delete' } } });
  await deleted(stack);
  for (const one of [kind, user, grant]) await allGone(one, name);
  await allGone(kinds.Secret, 'maria-db-login');
}, 240_000);

/** The Secret from which each role of a stack takes its login, and the Job of a backup. */
async function loginOf(kind: ResourceKind, name: string): Promise<string | undefined> {
  const stored = await client.get(kind, namespace, name, never).catch(() => undefined);
  const pod = (stored?.spec as { template?: { spec: { containers: Container[] } } } | undefined)?.template;
  const variables = pod?.spec.containers.flatMap(({ env = [] }) => env) ?? [];
  return variables.find(({ name }) => name === 'WA_DB_PASSWORD')?.valueFrom?.secretKeyRef?.name;
}
interface Container {
  readonly env?: readonly {
    readonly name: string;
    readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string } };
  }[];
}

/** Created clusters that serve, as their operators tell, and the Secret with the login that each begins with. */
const CREATED = {
  cloudNativePG: {
    secrets: { app: { username: 'waba', password: 'p' }, ca: { 'ca.crt': 'CA' } },
    serving: healthy,
    first: 'app',
  },
  mysqlOperator: {
    secrets: {},
    serving: () => ({ cluster: { status: 'ONLINE', onlineInstances: 3 } }),
    first: 'account',
  },
  mariadbOperator: {
    secrets: { 'ca-bundle': { 'ca.crt': 'CA' } },
    serving: (name: string) => ({
      currentPrimary: `${name}-0`,
      conditions: [{ ...since, type: 'Ready', status: 'True', message: 'Running' }],
    }),
    first: 'login',
  },
} as const;

it.each(Object.keys(CREATED) as ClusterField[])(
  'gives a stack and its backups another login of a created cluster of %s, and the first one back',
  async (field) => {
    const { secrets, serving, first } = CREATED[field];
    const stack = `turns-${field.slice(0, 3)}`.toLowerCase();
    const name = `${stack}-db`;
    const number = `+1631555${9_000 + CLUSTER_FIELDS.indexOf(field)}`;
    await secret(`${stack}-second`, { username: 'waba_2', password: 'q' });
    await secret(`${stack}-vault`, { passphrase: 'correct horse battery staple' });
    await stackOn(
      stack,
      number,
      { [field]: {} },
      {
        deletionPolicy: 'Delete',
        backup: {
          destination: { claim: { name: 'vault' } },
          encryptionSecretRef: { name: `${stack}-vault` },
          suspend: true,
        },
      },
    );
    await found(CLUSTER_KINDS[field], name);
    for (const [suffix, data] of Object.entries(secrets)) await secret(`${name}-${suffix}`, data);
    await told(field, name, serving(name));
    for (const kind of COMPANION_KINDS[field]) {
      await found(kind, name);
      await toldOf(kind, name, {
        conditions: [{ ...since, type: 'Ready', status: 'True', message: 'Made' }],
      });
    }
    await becomes(stack, 'True', 'Reachable');
    const jobs = async () =>
      (
        await client.list(
          kinds.Job,
          { namespace, labelSelector: `app.kubernetes.io/instance=${stack}` },
          never,
        )
      ).items.map(({ metadata }) => metadata.name);
    /** The Jobs that try a login and bring the schema, after which nodes may take it, and the first role that does. */
    const isTaken = (login: string) =>
      eventually(async () => {
        const names = (await jobs()).filter((job) => /-(database-check|schema)-/.test(job));
        const roles = [
          ...names.map((job) => loginOf(kinds.Job, job)),
          loginOf(kinds.StatefulSet, `${stack}-coreapp-0`),
        ];
        return names.length === 2 && (await Promise.all(roles)).every((one) => one === login);
      }, 90_000).catch(async (cause: unknown) => {
        const names = await jobs();
        const found = await Promise.all(names.map((job) => loginOf(kinds.Job, job)));
        const node = await loginOf(kinds.StatefulSet, `${stack}-coreapp-0`);
        throw new Error(`the Jobs ${names} have ${found}, and the Coreapp ${node}`, { cause });
      });
    await isTaken(`${name}-${first}`);
    const { uid, generation } = (await found(CLUSTER_KINDS[field], name)).metadata;

    const choose = (credentialsSecretRef: object | null) =>
      client.mergePatch(
        WhatsAppDeploymentKind,
        { namespace, name: stack },
        { spec: { database: { [field]: { credentialsSecretRef } } } },
        never,
      );
    await choose({ name: `${stack}-second` });
    await isTaken(`${stack}-second`);

    await made({
      apiVersion: WhatsAppBackupKind.apiVersion,
      kind: WhatsAppBackupKind.kind,
      metadata: { name: `${stack}-now`, namespace },
      spec: { deployment: stack },
    });
    await eventually(
      async () => (await loginOf(kinds.Job, `${stack}-now-backup`)) === `${stack}-second`,
      60_000,
    );

    await choose(null);
    await isTaken(`${name}-${first}`);
    // Nobody wrote to the cluster for it.
    expect((await found(CLUSTER_KINDS[field], name)).metadata).toMatchObject({ uid, generation });
    expect(writesOf(CLUSTER_KINDS[field], name)).toHaveLength(1);
    await deleted(stack);
  },
  300_000,
);

it('needs no rights but those of the chart', () => {
  expect([...operator.forbidden]).toEqual([]);
});
