import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CLOUD_NATIVE_PG, cloudNativePGObjects } from '../support/cloudNativePGObjects.ts';
import { ConditionWatch } from '../support/conditionWatch.ts';
import { E2eCluster } from '../support/e2eCluster.ts';
import { E2eLoad } from '../support/e2eLoad.ts';
import { eventually } from '../support/eventually.ts';

/**
 * Stacks on Clusters of the real CloudNativePG, on a real kubelet: its controller, its servers, its failovers. One stack lives
 * through all of the tests, under load.
 */

const OPERATOR = 'waba-operator-system';
const STACKS = 'stacks';
const STACK = 'shop';
const CLUSTER = `${STACK}-db`;
const NUMBER = '16315551234';
const PER_SECOND = 10;
const { WABA_E2E_CNPG_IMAGE: controller, WABA_E2E_CNPG_POSTGRES_IMAGE: servers } = process.env;

let cluster: E2eCluster;
let load: E2eLoad | undefined;
let condition: ConditionWatch | undefined;
let failed = false;

beforeAll(async () => {
  cluster = await E2eCluster.open([controller, servers]);
  for (const name of [OPERATOR, STACKS]) {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await cluster.apply('default', [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }]);
  }
});
afterEach(({ task }) => {
  failed ||= task.result?.state === 'fail';
});
afterAll(async () => {
  condition?.close();
  await load?.stop().catch(note);
  if (!cluster) return;
  if (failed) await cluster.support([STACKS, OPERATOR], 'e2e-support.tgz').catch(note);
  await cluster.close();
});

const note = (what: unknown) => void process.stderr.write(`${String(what)}\n`);
const inStacks = (...args: string[]) => cluster.kubectl('-n', STACKS, ...args);
const field = (object: string, path: string) => inStacks('get', object, '-o', `jsonpath={${path}}`);
const primary = () => field(`cluster/${CLUSTER}`, '.status.currentPrimary');
const patch = (object: string, change: object) =>
  inStacks('patch', object, '--type=merge', '-p', JSON.stringify(change));
const databaseIs = (name: string, reason: string) =>
  eventually(async () => {
    const { status } = await cluster.stack(STACKS, name);
    const found = status?.conditions?.find(({ type }) => type === 'DatabaseReady');
    return found?.reason === reason ? found : undefined;
  }, 300_000);
/** All servers of the stack are there, and follow. */
const healthy = () =>
  eventually(async () => {
    // A server that joins waits for a checkpoint, which takes minutes unless somebody is in a hurry.
    await sql('CHECKPOINT');
    const state = await field(`cluster/${CLUSTER}`, '.status.phase} {.status.readyInstances');
    return state === 'Cluster in healthy state 3';
  }, 300_000);
/** In the database `postgres` of the primary, as its administrator. */
const sql = async (...statements: string[]) => {
  const commands = statements.flatMap((statement) => ['-c', statement]);
  return inStacks('exec', await primary(), '-c', 'postgres', '--', 'psql', '-tAq', ...commands);
};
const secretOf = (name: string, login: object) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  stringData: login,
});
const stackOn = (name: string, phoneNumber: string, database: object, more: object = {}) => ({
  apiVersion: 'waba-operator.dev/v1alpha1',
  kind: 'WhatsAppDeployment',
  metadata: { name },
  spec: { phoneNumber: `+${phoneNumber}`, database, deletionPolicy: 'Delete', ...more },
});

/** With all that it does at once, as when its machine is gone. */
const killed = (kind: string, name: string) => inStacks('delete', kind, name, '--force', '--grace-period=0');
const anotherPrimary = (lost: string) =>
  eventually(async () => {
    const found = await primary();
    return found !== lost ? found : undefined;
  }, 180_000);
/** Its spec is taken, and all of it is up to date. */
const settled = async (name: string) => {
  const generation = Number(await field(`wad/${name}`, '.metadata.generation'));
  await eventually(async () => {
    const { status } = await cluster.stack(STACKS, name);
    return status?.conditions?.some(
      ({ type, status, observedGeneration }) =>
        type === 'Ready' && status === 'True' && observedGeneration === generation,
    );
  }, 400_000);
};
/** Keeps a server from its primary; CloudNativePG still reaches it. */
const cutOff = (instance: string) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: `${instance}-alone` },
  spec: {
    podSelector: { matchLabels: { 'cnpg.io/instanceName': instance } },
    policyTypes: ['Egress'],
    egress: [
      {
        ports: [
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 1, endPort: 5431 },
          { protocol: 'TCP', port: 5433, endPort: 65535 },
        ],
      },
    ],
  },
});
const sessionsOf = (user: string) =>
  sql(`SELECT count(*) FROM pg_stat_activity WHERE usename = '${user}'`).then((text) => text.trim());
const letsIn = async (user: string, password: string) => {
  const server = `host=${CLUSTER}-rw user=${user} password=${password} dbname=waba sslmode=require`;
  return inStacks('exec', await primary(), '-c', 'postgres', '--', 'psql', server, '-tAqc', 'SELECT 1').then(
    () => true,
    () => false,
  );
};
/** What a condition was, each time that it changed. */
const changesOf = ({ seen }: ConditionWatch) =>
  seen.map(({ status }) => status).filter((status, index, all) => status !== all[index - 1]);

describe('a Cluster that the operator creates', () => {
  it('comes after CloudNativePG, whose absence the stack tells, and the stack becomes Ready', async () => {
    await cluster.helm(
      ...['install', 'waba-operator', 'charts/waba-operator', '-n', OPERATOR, '--wait'],
      ...(process.env.WABA_E2E_VALUES ? ['--values', process.env.WABA_E2E_VALUES] : []),
      ...['--set', `watch.namespaces={${STACKS}},databaseOperators.cloudNativePG=true`],
    );
    const webhook = await cluster.receiver(STACKS);
    const more = {
      topology: 'HighAvailability',
      webhook,
      settings: { webhooks: { message: { sent: true, delivered: true, read: true } } },
    };
    await cluster.apply(STACKS, [
      stackOn(STACK, NUMBER, { cloudNativePG: { storage: { size: '1Gi' } } }, more),
    ]);
    expect((await databaseIs(STACK, 'KindMissing')).message).toContain('install CloudNativePG');

    const { namespace, name } = CLOUD_NATIVE_PG;
    // Its definitions are larger than the annotation of a client-side apply may be.
    await cluster.apply(namespace, await cloudNativePGObjects({ controller, servers }), '--server-side');
    await cluster.kubectl('-n', namespace, 'rollout', 'status', `deploy/${name}`, '--timeout=180s');
    await databaseIs(STACK, 'Reachable');
    await cluster.ready(STACKS, STACK);
    await healthy();
    const { message } = await eventually(async () => {
      const told = await databaseIs(STACK, 'Reachable');
      return told.message.includes('3 of 3 instances are ready') ? told : undefined;
    });
    expect(message).toContain(`Cluster ${CLUSTER}: Cluster in healthy state`);
    expect(message).toContain(`the primary is ${await primary()}`);
  }, 900_000);

  it('survives a primary that is killed under load: CloudNativePG fails over, and the stack tells it once', async () => {
    condition = await ConditionWatch.start(cluster.client, {
      namespace: STACKS,
      name: STACK,
      type: 'DatabaseReady',
    });
    load = await E2eLoad.start(cluster, { namespace: STACKS, name: STACK, number: NUMBER }, PER_SECOND);
    const lost = await primary();
    await killed('pod', lost);
    const next = await anotherPrimary(lost);
    await load.flows();
    await healthy();
    await cluster.ready(STACKS, STACK);
    const told = condition.seen.map(({ status, reason, message }) => `${status} ${reason}: ${message}`);
    note(told.join('\n'));
    expect(told.find((line) => line.startsWith('False'))).toMatch(/^False ClusterNotServing: /);
    expect(told.join('\n')).toContain(`Failing over (Failing over from ${lost} to ${next})`);
    expect(changesOf(condition)).toEqual(['True', 'False', 'True']);
    note(`killed primary: ${load.accepted} accepted, ${load.refused} refused`);
  });

  it('survives a primary that is killed together with its volume, which CloudNativePG replaces', async () => {
    const before = load?.accepted ?? 0;
    const lost = await primary();
    const volume = await field(`pvc/${lost}`, '.metadata.uid');
    await inStacks('delete', 'pvc', lost, '--wait=false');
    await killed('pod', lost);
    await anotherPrimary(lost);
    await load?.flows();
    await healthy();
    const volumes = await inStacks('get', 'pvc', '-o', 'jsonpath={.items[*].metadata.uid}');
    expect(volumes.split(' ')).not.toContain(volume);
    await cluster.ready(STACKS, STACK);
    note(`lost volume: ${(load?.accepted ?? 0) - before} accepted, ${load?.refused} refused until now`);
  });

  it('waits, and promotes no standby that lags, while the one that confirmed the last writes is away too', async () => {
    const lost = await primary();
    const instances = JSON.parse(await field(`cluster/${CLUSTER}`, '.status.instanceNames')) as string[];
    const [lagging = '', confirming = ''] = instances.filter((name) => name !== lost);
    await cluster.apply(STACKS, [cutOff(lagging)]);
    const followers = async () => {
      const drop = `SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = '${lagging}'`;
      await sql(drop);
      return (await sql('SELECT application_name FROM pg_stat_replication')).trim();
    };
    // A policy may let connections go on that are there; ended ones stay away.
    const alone = async () => (await followers()) === confirming && (await followers()) === confirming;
    await eventually(alone, 60_000);
    await load?.flows(100);
    // The statuses of those messages may all have come by now, so a lost one would not be missed.
    await sql('CREATE TABLE confirmed_once AS SELECT generate_series(1, 500)');
    await inStacks('delete', 'pod', lost, confirming, '--force', '--grace-period=0');
    await load?.flows();
    expect(await primary()).not.toBe(lagging);
    expect((await sql('SELECT count(*) FROM confirmed_once')).trim()).toBe('500');
    await inStacks('delete', 'networkpolicy', cutOff(lagging).metadata.name);
    await healthy();
    await cluster.ready(STACKS, STACK);
  });

  it('takes another login under load, and goes back to the first account with another password', async () => {
    const before = { accepted: load?.accepted ?? 0, refused: load?.refused ?? 0 };
    const [created = '', member = ''] = [
      `CREATE ROLE waba_2 LOGIN IN ROLE waba PASSWORD 'second'`,
      'ALTER ROLE waba_2 SET role = waba',
    ];
    await sql(created, member);
    await cluster.apply(STACKS, [secretOf('shop-second', { username: 'waba_2', password: 'second' })]);
    const choose = (credentialsSecretRef: object | null) =>
      patch(`wad/${STACK}`, { spec: { database: { cloudNativePG: { credentialsSecretRef } } } });
    await choose({ name: 'shop-second' });
    await settled(STACK);
    await load?.flows();
    await eventually(async () => (await sessionsOf('waba')) === '0', 60_000);

    const old = Buffer.from(await field(`secret/${CLUSTER}-app`, '.data.password'), 'base64').toString();
    expect(await letsIn('waba', old)).toBe(true);
    await patch(`secret/${CLUSTER}-app`, { stringData: { password: 'changed' } });
    await eventually(() => letsIn('waba', 'changed'), 120_000);
    expect(await letsIn('waba', old)).toBe(false);
    await cluster.ready(STACKS, STACK);
    await load?.flows();

    await choose(null);
    await settled(STACK);
    await load?.flows();
    await eventually(async () => (await sessionsOf('waba_2')) === '0', 60_000);
    await sql(`ALTER ROLE waba_2 PASSWORD 'locked'`);
    const refused = (load?.refused ?? 0) - before.refused;
    note(`two changes of the login: ${(load?.accepted ?? 0) - before.accepted} accepted, ${refused} refused`);
  });

  it('has lost no accepted message in all of this', async () => {
    if (!load) throw new Error('there is no load');
    const { lost, repeated, disordered } = await load.stop();
    note(`${load.accepted} accepted, ${load.refused} refused, ${lost.length} lost, ${repeated} repeated`);
    expect({ lost, disordered }).toEqual({ lost: [], disordered: [] });
    expect(load.refused).toBeGreaterThan(0);
  });
});

describe('a Cluster that somebody else made', () => {
  it('serves a stack by its name, once its user may create databases, and stays as it was', async () => {
    const own = {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Cluster',
      metadata: { name: 'own' },
      spec: {
        instances: 1,
        storage: { size: '1Gi' },
        postgresql: { parameters: { max_connections: '400' } },
      },
    };
    await cluster.apply(STACKS, [own]);
    const database = { cloudNativePG: { name: 'own' } };
    await cluster.apply(STACKS, [stackOn('guest', '16315551235', database, { topology: 'Single' })]);
    const { message } = await databaseIs('guest', 'DatabaseRightsMissing');
    expect(message).toContain('createdb: true of the user in spec.managed.roles of Cluster own');
    await patch('cluster/own', {
      spec: { managed: { roles: [{ name: 'app', ensure: 'present', login: true, createdb: true }] } },
    });
    await cluster.ready(STACKS, 'guest');
    const generation = await field('cluster/own', '.metadata.generation');
    await inStacks('delete', 'wad', 'guest', '--timeout=180s');
    expect(await field('cluster/own', '.metadata.generation')).toBe(generation);
    expect(await field('cluster/own', '.status.phase')).toBe('Cluster in healthy state');
  });
});

describe('the end of a stack', () => {
  it('takes the created Cluster and its volumes with it when deletionPolicy is Delete, and no other Cluster', async () => {
    await inStacks('delete', 'wad', STACK, '--timeout=180s');
    const left = () => cluster.names('-n', STACKS, 'cluster,pod,pvc', '-l', `cnpg.io/cluster=${CLUSTER}`);
    // CloudNativePG gives sessions three minutes to end.
    await eventually(async () => (await left()).length === 0, 300_000).catch(async () =>
      expect(await left()).toEqual([]),
    );
    expect(await cluster.names('-n', STACKS, 'cluster')).toEqual(['cluster.postgresql.cnpg.io/own']);
  });
});
