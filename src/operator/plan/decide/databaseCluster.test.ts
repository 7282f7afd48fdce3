import { describe, expect, it } from 'vitest';
import { applied, release, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { withPublished } from '../../state/stackSources.ts';
import type { ClusterView } from '../facts/databaseCluster.ts';
import type { ReferencedSecret } from '../facts/observed.ts';
import { planWorkloads } from './workloads.ts';

const secret = (name: string, data: Record<string, string>): [string, ReferencedSecret] => [
  name,
  { name, data, raw: data },
];
const login = { username: 'waba', password: 'p' };

/** What the plan makes of a database, its cluster, and the Secrets that are there. */
function planned(
  database: object,
  cluster: ClusterView,
  secrets: readonly [string, ReferencedSecret][] = [],
  spec: object = {},
) {
  const resource = withPublished(whatsAppDeployment({ spec: { database, ...spec } }), cluster);
  const model = new StackModel(resource, new Map(secrets));
  // The Secrets of the stack come first.
  model.round({ cluster });
  const plan = planWorkloads(model.observed({ cluster }), release);
  const objects = applied(plan).map(({ object }) => object);
  const verdict = plan.steps.map((step) => step.verdict).find(({ type }) => type === 'DatabaseReady');
  const check = objects.find(({ kind, metadata }) => kind === 'Job' && /check/.test(metadata.name));
  return { objects, verdict, check: check && JSON.stringify(check) };
}

const served = (object?: Partial<KubeObject> & { status?: object; spec?: object }): ClusterView => ({
  access: 'Served',
  object:
    object && ({ metadata: { name: 'shop-db', namespace: 'default', uid: 'u' }, ...object } as KubeObject),
});
const healthy = {
  phase: 'Cluster in healthy state',
  readyInstances: 3,
  instancesStatus: { healthy: ['shop-db-1', 'shop-db-2', 'shop-db-3'] },
  currentPrimary: 'shop-db-1',
  targetPrimary: 'shop-db-1',
};
const published = [secret('shop-db-app', login), secret('shop-db-ca', { 'ca.crt': 'CA' })];

describe('a Cluster that the operator creates', () => {
  it('has three servers apart, a user who may create databases, and no failover without the last confirmed write', () => {
    const { objects, verdict } = planned({ cloudNativePG: {} }, served());
    const cluster = objects.find(({ kind }) => kind === 'Cluster');
    expect(cluster).toMatchObject({
      apiVersion: 'postgresql.cnpg.io/v1',
      metadata: { name: 'shop-db' },
      spec: {
        instances: 3,
        storage: { size: '10Gi' },
        affinity: { enablePodAntiAffinity: true },
        managed: { roles: [{ name: 'waba', createdb: true }] },
        postgresql: {
          synchronous: { method: 'any', number: 1, dataDurability: 'required', failoverQuorum: true },
        },
      },
    });
    expect(cluster?.metadata.ownerReferences).toBeUndefined();
    expect(verdict).toMatchObject({ status: 'False', reason: 'ClusterNotServing' });
  });

  it('is checked only once it takes writes, and says its state in the words of CloudNativePG', () => {
    const status = { phase: 'Setting up primary', phaseReason: 'Creating primary instance shop-db-1' };
    const waiting = planned({ cloudNativePG: {} }, served({ spec: { instances: 3 }, status }));
    expect(waiting.check).toBeUndefined();
    expect(waiting.verdict?.message).toContain(
      'Cluster shop-db takes no writes: Setting up primary (Creating primary instance shop-db-1); 0 of 3 instances are ready',
    );
    const { check, verdict } = planned(
      { cloudNativePG: {} },
      served({ spec: { instances: 3 }, status: healthy }),
      published,
    );
    expect(verdict?.reason).toBe('Connecting');
    expect(check).toContain('"WA_DB_HOSTNAME","value":"shop-db-rw.default.svc"');
    expect(check).toContain('"secretKeyRef":{"name":"shop-db-app","key":"username"}');
    expect(check).toContain('"secretName":"shop-db-ca"');
    expect(check).toContain('"WABA_DB_SSL_MODE","value":"verify-full"');
  });

  it('holds back everything during a failover', () => {
    const status = { ...healthy, phase: 'Failing over', targetPrimary: 'pending' };
    const { check, verdict } = planned({ cloudNativePG: {} }, served({ status }), published);
    expect(check).toBeUndefined();
    expect(verdict).toMatchObject({ reason: 'ClusterNotServing' });
    expect(verdict?.message).toContain('Failing over');
  });

  it('takes no primary for one that takes writes while its pod is away, whatever the target is meanwhile', () => {
    // As CloudNativePG 1.30 told a killed primary, several times within three seconds, between two values "pending".
    const status = {
      ...healthy,
      phase: 'Failing over',
      phaseReason: 'Initiating a failover from shop-db-1',
      readyInstances: 2,
      instancesStatus: { healthy: ['shop-db-2', 'shop-db-3'] },
    };
    const { check, verdict } = planned({ cloudNativePG: {} }, served({ status }), published);
    expect([check, verdict?.reason]).toEqual([undefined, 'ClusterNotServing']);
  });

  it('is waited for while it lacks the standbys that must confirm a write', () => {
    const status = { ...healthy, readyInstances: 1, instancesStatus: { healthy: ['shop-db-1'] } };
    const of = (synchronous: object) =>
      planned(
        { cloudNativePG: {} },
        served({ spec: { instances: 3, postgresql: { synchronous } }, status }),
        published,
      ).verdict;
    const required = { method: 'any', number: 1 };
    expect(of(required)).toMatchObject({ reason: 'ClusterNotServing' });
    expect(of(required)?.message).toContain('1 of 3 instances are ready, and a write needs 2');
    expect(of({ ...required, dataDurability: 'preferred' })?.reason).toBe('Connecting');
    expect(of({ ...required, standbyNamesPre: ['elsewhere'] })?.reason).toBe('Connecting');
  });

  it('lets two servers go on with one, and asks most servers of a larger cluster to confirm', () => {
    const synchronousOf = (instances: number) => {
      const { objects } = planned({ cloudNativePG: { instances } }, served());
      const spec = objects.find(({ kind }) => kind === 'Cluster')?.spec as
        | { postgresql: { synchronous?: { number: number } } }
        | undefined;
      return spec?.postgresql.synchronous;
    };
    expect(synchronousOf(1)).toBeUndefined();
    expect(synchronousOf(2)).toEqual({ method: 'any', number: 1, dataDurability: 'preferred' });
    for (let instances = 3; instances <= 9; instances++) {
      const { number = 0 } = synchronousOf(instances) ?? {};
      // With the primary, those that confirmed are most of the servers.
      expect(number + 1, `${instances}`).toBeGreaterThan(instances / 2);
      // As many standbys as there are without the machines that may go are enough for CloudNativePG to promote one.
      const mayGo = Math.ceil(instances / 2) - 1;
      expect(instances - mayGo + number, `${instances}`).toBeGreaterThan(instances - 1);
      // The new primary still finds enough standbys that confirm.
      expect(instances - mayGo - 1, `${instances}`).toBeGreaterThanOrEqual(number);
    }
  });
});

describe('a MariaDB that the operator creates', () => {
  const mariadb = (options: object, spec: object = {}) => {
    const { objects } = planned({ mariadbOperator: options }, served(), [], spec);
    return {
      objects,
      text: JSON.stringify(objects.find(({ kind }) => kind === 'MariaDB')?.spec),
      grant: objects.find(({ kind }) => kind === 'Grant')?.spec as { readonly privileges: readonly string[] },
    };
  };

  it('waits for a replica as long as one is connected, and lets MariaDB Operator make its account before', () => {
    const { text } = mariadb({});
    expect(text).toContain('"semiSyncAckTimeout":"720h"');
    // Else the primary of a new cluster waits for a replica that has no account yet.
    expect(text).toContain('rpl_semi_sync_master_wait_no_slave=OFF');
  });

  it('lets two servers go on with one after a while', () => {
    expect(mariadb({ instances: 2 }).text).not.toContain('semiSyncAckTimeout');
  });

  it('has no replication with Galera', () => {
    const { text } = mariadb({ mode: 'Galera' });
    expect(text).toContain('"galera":{"enabled":true}');
    expect(text).not.toMatch(/replication|semi_sync/);
  });

  it('gives no right to write to a server that is read-only', () => {
    const { privileges } = mariadb({}).grant;
    expect(privileges).toContain('CREATE');
    expect(privileges.filter((right) => /ALL|ADMIN|SUPER/.test(right))).toEqual([]);
  });

  it('keeps its volumes with Retain only', () => {
    expect(mariadb({}).text).toContain('"whenDeleted":"Retain"');
    expect(mariadb({}, { deletionPolicy: 'Delete' }).text).toContain('"whenDeleted":"Delete"');
  });
});

describe('an InnoDBCluster that the operator creates', () => {
  const vendor = {
    stack: 'OnPremises',
    registration: { certificateSecretRef: { name: 'certificate' } },
    version: 'v2.57.1',
    images: { webapp: 'web:v2.57.1', coreapp: 'core:v2.57.1' },
  };
  const mycnf = (options: object, spec: object = {}) => {
    const { objects } = planned(
      { mysqlOperator: options },
      served(),
      [secret('certificate', { certificate: 'c', code: '1' })],
      spec,
    );
    const cluster = objects.find(({ kind }) => kind === 'InnoDBCluster');
    return (cluster?.spec as { readonly mycnf: string } | undefined)?.mycnf;
  };

  it('takes passwords in the form that the vendor needs, if the series has it', () => {
    expect(mycnf({}, vendor)).toContain('authentication-policy=*:mysql_native_password');
    expect(mycnf({}, vendor)).toMatch(/^\[mysqld]\nmax_connections=\d+\n/);
    expect(mycnf({ version: '9.1.0' }, vendor)).not.toContain('native');
    expect(mycnf({})).not.toContain('native');
  });

  it('is used by its account, through its routers, with the CA that the operator generated', () => {
    const status = { cluster: { status: 'ONLINE', onlineInstances: 3 } };
    const { check } = planned({ mysqlOperator: {} }, served({ status }), [
      secret('shop-db-account', { rootUser: 'waba', rootHost: '%', rootPassword: 'p' }),
      secret('shop-db-certificate', { 'ca.pem': 'CA' }),
    ]);
    expect(check).toContain('"WA_DB_HOSTNAME","value":"shop-db.default.svc"');
    expect(check).toContain('"secretKeyRef":{"name":"shop-db-account","key":"rootUser"}');
    expect(check).toContain('"secretName":"shop-db-certificate"');
  });
});

describe('another login of a cluster that the operator creates', () => {
  const ready = { conditions: [{ type: 'Ready', status: 'True', message: 'Running' }] };
  const CASES = {
    cloudNativePG: { status: healthy, secrets: published, ca: 'shop-db-ca' },
    mysqlOperator: {
      status: { cluster: { status: 'ONLINE', onlineInstances: 3 } },
      secrets: [
        secret('shop-db-account', { rootUser: 'waba', rootHost: '%', rootPassword: 'p' }),
        secret('shop-db-certificate', { 'ca.pem': 'CA' }),
      ],
      ca: 'shop-db-certificate',
    },
    mariadbOperator: {
      status: ready,
      secrets: [secret('shop-db-login', login), secret('shop-db-ca-bundle', { 'ca.crt': 'CA' })],
      ca: 'shop-db-ca-bundle',
    },
  };
  it.each(Object.keys(CASES) as (keyof typeof CASES)[])(
    'is that of the Secret that %s names, and the objects of the cluster stay as they are',
    (field) => {
      const { status, secrets, ca } = CASES[field];
      const second = secret('second', { username: 'waba_2', password: 'q' });
      const plan = (options: object, view: ClusterView) =>
        planned({ [field]: options }, view, [...secrets, second]);
      const view = served({ status });
      const [first, next] = [{}, { credentialsSecretRef: { name: 'second' } }].map((options) =>
        plan(options, view),
      );
      const ofCluster = (objects: readonly KubeObject[] = []) =>
        objects.filter(({ apiVersion }) => /mysql|mariadb|cnpg/.test(apiVersion));
      expect(ofCluster(next?.objects)).toEqual(ofCluster(first?.objects));
      expect(ofCluster(first?.objects).length).toBeGreaterThan(0);
      // The check of a MariaDB waits for its User and Grant, which no model of this test makes ready.
      if (field === 'mariadbOperator') return;
      expect(next?.check).toContain('"secretKeyRef":{"name":"second","key":"username"}');
      expect(next?.check).toContain(`"secretName":"${ca}"`);
      expect(next?.check).not.toBe(first?.check);
    },
  );
});

describe('a cluster that somebody else made', () => {
  const database = { cloudNativePG: { name: 'orders' } };

  it('is never written, and its own Secrets are used', () => {
    const object = {
      metadata: { name: 'orders', uid: 'u' },
      spec: {
        bootstrap: { initdb: { secret: { name: 'chosen' } } },
        certificates: { serverCASecret: 'pki' },
      },
      status: healthy,
    };
    const { objects, check } = planned(database, served(object), [
      secret('chosen', login),
      secret('pki', { 'ca.crt': 'CA' }),
    ]);
    expect(objects.filter(({ kind }) => kind === 'Cluster')).toEqual([]);
    expect(check).toContain('"secretKeyRef":{"name":"chosen","key":"password"}');
    expect(check).toContain('"secretName":"pki"');
  });

  it.each([
    ['ClusterNotAllowed', { access: 'Off', object: undefined }, 'databaseOperators.cloudNativePG'],
    ['KindMissing', { access: 'Absent', object: undefined }, 'install CloudNativePG'],
    ['ClusterMissing', { access: 'Served', object: undefined }, 'spec.database.cloudNativePG.name'],
  ] as const)('is %s, with what mends it', (reason, view, text) => {
    const { verdict, check } = planned(database, view);
    expect(verdict).toMatchObject({ status: 'False', reason });
    expect(verdict?.message).toContain(text);
    expect(check).toBeUndefined();
  });

  it('can be an InnoDBCluster, whose root account is the default', () => {
    const object = {
      metadata: { name: 'mysql', uid: 'u' },
      spec: { secretName: 'pwds', instances: 3 },
      status: { cluster: { status: 'ONLINE', onlineInstances: 3 } },
    };
    const secrets = [
      secret('pwds', { rootUser: 'root', rootPassword: 'p' }),
      secret('mysql-ca', { 'ca.pem': 'CA' }),
    ];
    const { check } = planned({ mysqlOperator: { name: 'mysql' } }, served(object), secrets);
    expect(check).toContain('"WA_DB_HOSTNAME","value":"mysql.default.svc"');
    expect(check).toContain('"secretKeyRef":{"name":"pwds","key":"rootPassword"}');
    const selfSigned = { ...object, spec: { ...object.spec, tlsUseSelfSigned: true } };
    const unfit = planned({ mysqlOperator: { name: 'mysql' } }, served(selfSigned), secrets);
    expect(unfit.verdict).toMatchObject({ reason: 'ClusterUnfit' });
    const offline = { ...object, status: { cluster: { status: 'NO_QUORUM', onlineInstances: 1 } } };
    const { verdict } = planned({ mysqlOperator: { name: 'mysql' } }, served(offline), secrets);
    expect(verdict?.message).toContain('NO_QUORUM; 1 of 3 instances are online');
  });

  it('can be a MariaDB with Galera, whose Service of the primary is used', () => {
    const ready = { type: 'Ready', status: 'True', message: 'Running' };
    const object = {
      metadata: { name: 'maria', uid: 'u' },
      spec: { galera: { enabled: true } },
      status: { currentPrimary: 'maria-0', conditions: [ready] },
    };
    const database = { mariadbOperator: { name: 'maria', credentialsSecretRef: { name: 'mine' } } };
    const secrets = [secret('mine', login), secret('maria-ca-bundle', { 'ca.crt': 'CA' })];
    const { check } = planned(database, served(object), secrets);
    expect(check).toContain('"WA_DB_HOSTNAME","value":"maria-primary.default.svc"');
    expect(check).toContain('"secretKeyRef":{"name":"mine","key":"username"}');
    const conditions = [{ ...ready, status: 'False', message: 'Switching primary to maria-1' }];
    const switching = { ...object, status: { ...object.status, conditions } };
    const { verdict } = planned(database, served(switching), secrets);
    expect(verdict?.message).toContain('Switching primary to maria-1; the primary is maria-0');
  });

  it('gives the stack of the vendor a CA, and no name to verify', () => {
    const vendor = {
      stack: 'OnPremises',
      version: 'v2.57.1',
      images: { webapp: 'web:v2.57.1', coreapp: 'core:v2.57.1' },
      registration: { certificateSecretRef: { name: 'certificate' } },
    };
    const view = served({ status: healthy });
    const { check } = planned({ cloudNativePG: {} }, view, published, vendor);
    expect(check).toContain('"WABA_DB_SSL_MODE","value":"verify-ca"');
  });
});
