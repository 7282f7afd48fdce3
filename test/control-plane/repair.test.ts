import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { decodeSecret, type SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import { freshNamespace, installCrd, never, testClient, WhatsAppDeploymentKind } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { PretendKubelet } from '../support/pretendKubelet.ts';
import { runTestOperator } from '../support/runTestOperator.ts';

/** Stuck states of the Kubernetes objects, and their ways out. No stack runs here, so its API never answers. */

let client: KubeClient;
let namespace: string;
let kubelet: PretendKubelet;
const stop = new AbortController();
let running: Promise<void>;

beforeAll(async () => {
  client = await testClient();
  await installCrd(client);
  namespace = await freshNamespace(client);
  kubelet = new PretendKubelet(client, namespace);
  kubelet.start();
  running = runTestOperator(
    { credentials: await kubeconfigCredentials(systemClock, { path: inject('kubeconfig') }), namespace },
    stop.signal,
  );
});

afterAll(async () => {
  stop.abort();
  await running;
  await kubelet.stop();
});

let phone = 16_315_550_800;
const create = async (name: string, spec: object) => {
  phone += 1;
  await client.create(
    {
      apiVersion: WhatsAppDeploymentKind.apiVersion,
      kind: WhatsAppDeploymentKind.kind,
      metadata: { name, namespace },
      spec: { phoneNumber: `+${phone}`, ...spec },
    },
    { fieldManager: 'test' },
    never,
  );
};
const patch = (name: string, spec: object) =>
  client.mergePatch(WhatsAppDeploymentKind, { namespace, name }, { spec }, never);
const secret = (name: string, stringData: Record<string, string>) =>
  client.apply(
    { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData },
    { fieldManager: 'test', force: true },
    never,
  );

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}
async function condition(name: string, type: string): Promise<Condition | undefined> {
  const { status, metadata } = await client.get<KubeObject & { status?: { conditions?: Condition[] } }>(
    WhatsAppDeploymentKind,
    namespace,
    name,
    never,
  );
  const found = status?.conditions?.find((candidate) => candidate.type === type);
  return found?.observedGeneration === metadata.generation ? found : undefined;
}
async function becomes(name: string, type: string, wanted: Partial<Condition>, timeoutMs = 30_000) {
  let last: Condition | undefined;
  const isThere = async () => {
    last = await condition(name, type);
    return Object.entries(wanted).every(([field, value]) => last?.[field as keyof Condition] === value);
  };
  await eventually(isThere, timeoutMs).catch(() => expect(last).toMatchObject(wanted));
  return last;
}
const namesOf = async (kind: (typeof kinds)['Job'], name: string): Promise<string[]> => {
  const labelSelector = `app.kubernetes.io/instance=${name}`;
  const { items } = await client.list(kind, { namespace, labelSelector }, never);
  return items.map(({ metadata }) => metadata.name);
};
const schemaJobs = async (name: string): Promise<string[]> =>
  (await namesOf(kinds.Job, name)).filter((job) => job.startsWith(`${name}-schema-`));
const exists = async (kind: (typeof kinds)['Job'], name: string): Promise<boolean> =>
  client.get(kind, namespace, name, never).then(
    () => true,
    () => false,
  );

const GOOD = { webapp: 'stack:good', coreapp: 'stack:good', database: 'postgres:18' };

describe('a broken image that is corrected', () => {
  it.each([
    ['webapp', 'Single'],
    ['coreapp', 'HighAvailability'],
    ['database', 'Single'],
  ])('of the %s is repaired without a hand (%s)', async (role, topology) => {
    const name = `image-${role}`;
    await create(name, { topology, images: { ...GOOD, [role]: `stack:broken` } });
    const type = { webapp: 'WorkloadsReady', coreapp: 'SchemaReady', database: 'DatabaseReady' }[role] ?? '';
    await becomes(name, type, { status: 'False' });
    await eventually(async () =>
      (
        await client.list<KubeObject & { status?: { phase?: string } }>(
          kinds.Pod,
          { namespace, labelSelector: `app.kubernetes.io/instance=${name}` },
          never,
        )
      ).items.some(({ spec }) => JSON.stringify(spec).includes('broken')),
    );
    await patch(name, { images: { [role]: GOOD[role as keyof typeof GOOD] } });
    await becomes(name, 'WorkloadsReady', { status: 'True' });
    expect(kubelet.mostJobs).toBeLessThanOrEqual(3);
  });

  it('of the Coreapps on a stack that runs leaves its nodes alone, and other changes go on', async () => {
    const name = 'goes-on';
    await create(name, { topology: 'HighAvailability', images: GOOD });
    await becomes(name, 'WorkloadsReady', { status: 'True' });
    await patch(name, { images: { coreapp: 'stack:broken' }, nodes: { webapp: { replicas: 3 } } });
    await becomes(name, 'SchemaReady', { status: 'False', reason: 'Upgrading' });
    await eventually(async () => {
      const { spec } = await client.get(kinds.Deployment, namespace, `${name}-webapp`, never);
      return (spec as { replicas: number }).replicas === 3;
    });
    const { items } = await client.list(
      kinds.StatefulSet,
      { namespace, labelSelector: `app.kubernetes.io/instance=${name}` },
      never,
    );
    expect(JSON.stringify(items)).not.toContain('broken');
    await patch(name, { images: { coreapp: GOOD.coreapp } });
    await becomes(name, 'SchemaReady', { status: 'True' });
    await becomes(name, 'WorkloadsReady', { status: 'True' });
    await eventually(async () => (await namesOf(kinds.Job, name)).length === 1);
  });
});

const external = (more: object = {}) => ({
  topology: 'Single',
  database: {
    external: { host: 'db', credentialsSecretRef: { name: 'login' }, tls: { mode: 'Disable' }, ...more },
  },
});

describe('the check of an external database', () => {
  it('holds back every pod but its own, runs again for another login, and goes on by itself', async () => {
    const name = 'checked';
    await secret('login', { username: 'u', password: 'wrong' });
    kubelet.jobHangs = ({ metadata }) => metadata.name.startsWith('checked-database-check-');
    await create(name, external());
    await becomes(name, 'DatabaseReady', { status: 'False', reason: 'Connecting' });
    await eventually(async () => (await namesOf(kinds.Job, name)).length === 1);
    const [first = ''] = await namesOf(kinds.Job, name);
    expect(first).toMatch(/^checked-database-check-/);
    expect((await condition(name, 'DatabaseReady'))?.message).toContain(`before Job ${first} has checked db`);
    await secret('login', { username: 'u', password: 'right' });
    await eventually(async () => !(await namesOf(kinds.Job, name)).includes(first));
    expect(await namesOf(kinds.StatefulSet, name)).toEqual([]);
    expect(await namesOf(kinds.Deployment, name)).toEqual([]);
    expect(await schemaJobs(name)).toEqual([]);
    kubelet.jobHangs = () => false;
    await becomes(name, 'WorkloadsReady', { status: 'True' });
  });

  it('that hangs changes nothing for a stack that runs', async () => {
    const name = 'checked';
    kubelet.jobHangs = ({ metadata }) => metadata.name.startsWith('checked-database-check-');
    const before = (await namesOf(kinds.Job, name)).length;
    await patch(name, { nodes: { webapp: { replicas: 1, resources: { requests: { cpu: '10m' } } } } });
    await becomes(name, 'WorkloadsReady', { status: 'True' });
    await patch(name, { topology: 'HighAvailability' });
    await becomes(name, 'WorkloadsReady', { status: 'True' }, 60_000);
    expect(await namesOf(kinds.Job, name)).toHaveLength(before);
    kubelet.jobHangs = () => false;
  });
});

describe('the rotation of a password', () => {
  it('sets the password that the journal has, and then writes the login into the Secret', async () => {
    const name = 'rotated';
    await create(name, { topology: 'Single' });
    await becomes(name, 'WorkloadsReady', { status: 'True' });
    const login = async () =>
      decodeSecret(await client.get<SecretObject>(kinds.Secret, namespace, `${name}-database`, never));
    const before = await login();
    kubelet.jobHangs = ({ metadata }) => metadata.name.startsWith('rotated-password-');
    await patch(name, { database: { managed: { passwordRotation: 'first' } } });
    const job = await eventually(async () =>
      (await namesOf(kinds.Job, name)).find((known) => known.startsWith('rotated-password-')),
    );
    const { spec } = await client.get<KubeObject>(kinds.Job, namespace, job, never);
    const from = { secretKeyRef: { name: 'rotated-journal', key: 'nextPassword' } };
    expect(JSON.stringify(spec)).toContain(JSON.stringify(from));
    const journal = async () =>
      decodeSecret(await client.get<SecretObject>(kinds.Secret, namespace, 'rotated-journal', never));
    const { nextPassword = '' } = await journal();
    expect(nextPassword).toMatch(/^\w{32}$/);
    expect(await login()).toEqual(before);
    kubelet.jobHangs = () => false;
    await eventually(async () => (await login()).password === nextPassword);
    expect(await login()).toEqual({ username: 'waba_2', password: nextPassword });
    expect((await journal()).nextPassword).toBeUndefined();
  });
});

describe('databases that another stack has', () => {
  it('are left alone until the other stack gives them up', async () => {
    await secret('login', { username: 'u', password: 'p' });
    const shared = external({ host: 'db.example.org', name: 'shared_' });
    await create('first', shared);
    await becomes('first', 'SchemaReady', { status: 'True' });
    // Creation times have seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await create('second', shared);
    const told = await becomes('second', 'DatabaseReady', { status: 'False', reason: 'PrefixInUse' });
    expect(told?.message).toContain(`belong to WhatsAppDeployment ${namespace}/first`);
    expect(await namesOf(kinds.Job, 'second')).toEqual([]);
    await patch('first', { database: { external: { name: 'another_' } } });
    await becomes('second', 'WorkloadsReady', { status: 'True' });
  });
});

describe('the schema Job', () => {
  it('takes up a corrected password by itself, one Job at a time, and does not run again once it completed', async () => {
    const name = 'password';
    await secret('login', { username: 'u', password: 'wrong' });
    kubelet.jobHangs = ({ metadata }) => metadata.name.startsWith('password-schema-');
    await create(name, external());
    await eventually(async () => (await schemaJobs(name)).length === 1);
    const [first] = await schemaJobs(name);
    await secret('login', { username: 'u', password: 'right' });
    await eventually(async () => {
      const jobs = await schemaJobs(name);
      expect(jobs.length).toBeLessThanOrEqual(1);
      return jobs.length === 1 && jobs[0] !== first;
    });
    kubelet.jobHangs = () => false;
    await becomes(name, 'WorkloadsReady', { status: 'True' });
    const [second = ''] = await schemaJobs(name);
    await client.delete(kinds.Job, namespace, second, { propagation: 'Background' }, never);
    await eventually(async () => !(await exists(kinds.Job, second)));
    // Another change of the resource makes sure that the operator has planned again.
    await patch(name, { service: { annotations: { a: 'b' } } });
    await becomes(name, 'WorkloadsReady', { status: 'True' });
    expect(await schemaJobs(name)).toEqual([]);
    expect(await condition(name, 'SchemaReady')).toMatchObject({ status: 'True' });
  });
});

describe('objects that the resource no longer declares', () => {
  it('go: PodDisruptionBudgets with HighAvailability, StatefulSet and Service with the managed database', async () => {
    const name = 'pruned';
    await create(name, { topology: 'HighAvailability' });
    await becomes(name, 'WorkloadsReady', { status: 'True' });
    expect(await namesOf(kinds.PodDisruptionBudget, name)).toHaveLength(3);
    await patch(name, { topology: 'Single' });
    await becomes(name, 'WorkloadsReady', { status: 'True' });
    expect(await namesOf(kinds.PodDisruptionBudget, name)).toEqual([]);
    await secret('other', { username: 'u', password: 'p' });
    await patch(name, {
      upgrade: { strategy: 'Stop' },
      database: {
        managed: null,
        external: { host: 'db', credentialsSecretRef: { name: 'other' }, tls: { mode: 'Disable' } },
      },
    });
    await becomes(name, 'WorkloadsReady', { status: 'True' });
    await eventually(async () => !(await exists(kinds.StatefulSet, `${name}-database`)));
    await eventually(async () => !(await exists(kinds.Service, `${name}-database`)));
    expect(await exists(kinds.PersistentVolumeClaim, `${name}-database`)).toBe(true);
    const database = await becomes(name, 'DatabaseReady', { status: 'True' });
    expect(database?.message).toContain(`PersistentVolumeClaim ${name}-database`);
  });
});

describe('the credentials of the managed database', () => {
  it('are refused when somebody edits them, until they are put back or confirmed', async () => {
    const name = 'edited';
    await create(name, { topology: 'Single' });
    await becomes(name, 'WorkloadsReady', { status: 'True' });
    const { data } = await client.get<KubeObject & { data: Record<string, string> }>(
      kinds.Secret,
      namespace,
      `${name}-database`,
      never,
    );
    const edit = (password: string | undefined, annotations: object = {}) =>
      client.mergePatch(
        kinds.Secret,
        { namespace, name: `${name}-database` },
        { metadata: { annotations }, data: { password } },
        never,
      );
    await edit(Buffer.from('another').toString('base64'));
    const refused = await becomes(name, 'DatabaseReady', { status: 'False', reason: 'PasswordEdited' });
    await edit(data.password);
    await becomes(name, 'DatabaseReady', { status: 'True' });
    const [, hash = ''] = /accepted-password=(\w+)/.exec(refused?.message ?? '') ?? [];
    await edit(Buffer.from('another').toString('base64'), { 'waba-operator.dev/accepted-password': hash });
    await becomes(name, 'DatabaseReady', { status: 'True' });
  });

  it('are not made anew over a volume that was kept', async () => {
    const name = 'kept';
    await create(name, { topology: 'Single' });
    await becomes(name, 'WorkloadsReady', { status: 'True' });
    await client.delete(WhatsAppDeploymentKind, namespace, name, {}, never);
    await eventually(async () => (await namesOf(kinds.StatefulSet, name)).length === 0, 60_000);
    for (const each of await namesOf(kinds.Secret, name))
      await client.delete(kinds.Secret, namespace, each, {}, never);
    await create(name, { topology: 'Single' });
    const told = await becomes(name, 'DatabaseReady', { status: 'False', reason: 'SecretLost' });
    expect(told?.message).toContain(`${name}-database`);
    expect(told?.message).not.toContain('delete');
    expect(await exists(kinds.Secret, `${name}-database`)).toBe(false);
  });
});

describe('a volume whose StorageClass does not expand volumes', () => {
  const claim = 'grows-database';
  const sizeOfClaim = async () => {
    const live = await client.get<
      KubeObject & {
        spec: { resources: { requests: { storage: string } } };
        status?: { phase?: string };
      }
    >(kinds.PersistentVolumeClaim, namespace, claim, never);
    return live.status?.phase === 'Bound' ? live.spec.resources.requests.storage : undefined;
  };
  const volumes = async () => {
    const { status } = await client.get<KubeObject & { status?: { volumes?: object } }>(
      WhatsAppDeploymentKind,
      namespace,
      'grows',
      never,
    );
    return status?.volumes;
  };
  const grow = (size: string) => patch('grows', { database: { managed: { storage: { size } } } });
  const storageClass = (allowVolumeExpansion: boolean) =>
    client.apply(
      {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        metadata: { name: 'fixed' },
        provisioner: 'kubernetes.io/no-provisioner',
        allowVolumeExpansion,
      },
      { fieldManager: 'test', force: true },
      never,
    );

  it('stays as it is and says how to go on; the size can be set back, or the volume grows once it may', async () => {
    await storageClass(false);
    await client.apply(
      {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: 'fixed-volume' },
        spec: {
          storageClassName: 'fixed',
          capacity: { storage: '1Gi' },
          accessModes: ['ReadWriteOnce'],
          hostPath: { path: '/tmp/none' },
        },
      } as KubeObject,
      { fieldManager: 'test', force: true },
      never,
    );
    await create('grows', {
      topology: 'Single',
      database: { managed: { engine: 'MariaDB', storage: { size: '1Gi', storageClassName: 'fixed' } } },
    });
    await becomes('grows', 'DatabaseReady', { status: 'True' });
    await eventually(async () => (await sizeOfClaim()) === '1Gi', 30_000);

    await grow('3Gi');
    const told = await becomes('grows', 'DatabaseReady', { status: 'False', reason: 'VolumeNotGrowing' });
    expect(told?.message).toContain(`${claim} stays at 1Gi`);
    expect(told?.message).toContain('set spec.database.managed.storage.size back to 1Gi');
    expect(told?.message).toContain('kubectl patch storageclass fixed');
    await expect(grow('500Mi')).rejects.toThrow(/cannot shrink/);
    await grow('1Gi');
    await becomes('grows', 'DatabaseReady', { status: 'True' });

    await storageClass(true);
    await grow('2Gi');
    await eventually(async () => (await sizeOfClaim()) === '2Gi', 30_000);
    await becomes('grows', 'DatabaseReady', { status: 'True' });
    await eventually(async () => (await volumes()) === undefined);
    await expect(grow('1Gi')).rejects.toThrow(/cannot shrink/);
  });
});

describe('a volume that was kept', () => {
  it('gets no server of another engine, and serves its own again', async () => {
    const name = 'kept-engine';
    const remove = async () => {
      await client.delete(WhatsAppDeploymentKind, namespace, name, {}, never);
      await eventually(async () => (await namesOf(kinds.StatefulSet, name)).length === 0, 60_000);
    };
    await create(name, { topology: 'Single' });
    await becomes(name, 'DatabaseReady', { status: 'True' });
    await remove();
    await create(name, { topology: 'Single', database: { managed: { engine: 'MariaDB' } } });
    const told = await becomes(name, 'DatabaseReady', { status: 'False', reason: 'EngineChanged' });
    expect(told?.message).toContain(`PersistentVolumeClaim ${name}-database holds the data of PostgreSQL`);
    expect(await exists(kinds.StatefulSet, `${name}-database`)).toBe(false);
    await remove();
    await create(name, { topology: 'Single' });
    await becomes(name, 'DatabaseReady', { status: 'True' });
  });
});

describe('a change of a managed MySQL or MariaDB', () => {
  it.each([
    ['MariaDB', '11.4.2', { engine: 'PostgreSQL' }, /engine cannot change.*\/v1\/settings\/backup/],
    ['MariaDB', '11.4.2', { engine: 'MySQL' }, /engine cannot change/],
    ['MariaDB', '11.4.2', { version: '11.8' }, /series .* cannot change for MariaDB/],
    ['MariaDB', '11.4.2', { version: '11' }, /must name the series/],
    ['MariaDB', '11.4.2', { version: '11.4.8-noble' }, undefined],
    ['MariaDB', undefined, { version: '11.4.8' }, undefined],
    ['MySQL', undefined, { version: '9.0' }, /series .* cannot change for MySQL/],
    ['MySQL', '8.4.1', { version: 'lts' }, /must name the series/],
    ['MySQL', '8.4.1', { version: null }, undefined],
  ])('%s %s to %j is refused with the way, or taken', async (engine, version, change, refusal) => {
    phone += 1;
    const name = `engine-${phone}`;
    await create(name, { database: { managed: { engine, ...(version ? { version } : {}) } }, paused: true });
    const changed = patch(name, { database: { managed: change } });
    if (refusal) await expect(changed).rejects.toThrow(refusal);
    else await changed;
  });
});

describe('a change of a volume or of the major version', () => {
  const before = {
    database: { managed: { version: '18.1', storage: { size: '2Gi', storageClassName: 'fast' } } },
    media: { storage: { size: 2_000_000_000, storageClassName: 'fast' } },
    paused: true,
  };
  it.each([
    ['the major version', { database: { managed: { version: '17' } } }, /major version .* cannot change/],
    ['no version for an older one', { database: { managed: { version: null } } }, undefined],
    ['a minor version', { database: { managed: { version: '18.2' } } }, undefined],
    [
      'a smaller database',
      { database: { managed: { storage: { size: '1Gi' } } } },
      /database.managed.storage.size cannot shrink/,
    ],
    ['a larger database', { database: { managed: { storage: { size: '3Gi' } } } }, undefined],
    [
      'another class',
      { database: { managed: { storage: { storageClassName: 'slow' } } } },
      /storageClassName cannot change/,
    ],
    ['smaller media', { media: { storage: { size: '1Gi' } } }, /media.storage.size cannot shrink/],
    [
      'no class for media',
      { media: { storage: { storageClassName: null } } },
      /media.storage.storageClassName cannot change/,
    ],
    [
      'another access mode',
      { media: { storage: { accessMode: 'ReadWriteOnce' } } },
      /media.storage.accessMode cannot change/,
    ],
    ['another claim', { media: { storage: null, claimName: 'mine' } }, undefined],
    ['a unit that is none', { media: { storage: { size: '10GB' } } }, /such as 10Gi or 500M/],
  ])('%s is refused with the way, or taken', async (what, change, refusal) => {
    const name = `volume-${what.replaceAll(' ', '-')}`;
    await create(name, before);
    if (refusal) await expect(patch(name, change)).rejects.toThrow(refusal);
    else await patch(name, change);
  });
});
