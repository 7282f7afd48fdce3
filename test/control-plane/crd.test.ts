import { readdir, readFile } from 'node:fs/promises';
import { load, loadAll } from 'js-yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { ApiError } from '../../src/engine/kube/apiError.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import { parseWhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import '../../src/operator/state/stackSources.ts'; // registers the kinds
import { badResources } from '../support/badResources.ts';
import { freshNamespace, installCrd, kubectl, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { everyChild } from '../support/everyChild.ts';

let client: KubeClient;
let namespace: string;

const resource = (name: string, spec: unknown): KubeObject => ({
  apiVersion: 'waba-operator.dev/v1alpha1',
  kind: 'WhatsAppDeployment',
  metadata: { name, namespace },
  spec,
});
const create = (name: string, spec: unknown) =>
  client.create<KubeObject & WhatsAppDeployment>(resource(name, spec), { fieldManager: 'test' }, never);

const storage = (size: string, more: object = {}) => ({ storage: { size, ...more } });
const mariadb = (name: string, secret = 'login') => ({ name, credentialsSecretRef: { name: secret } });

beforeAll(async () => {
  client = await testClient();
  await installCrd(client);
  namespace = await freshNamespace(client);
});

describe('the CRD on a real API server', () => {
  it('accepts the smallest resource and fills in the defaults that the types promise', async () => {
    const stored = await create('smallest', { phoneNumber: '+16315551000' });
    const fromServer = parseWhatsAppDeployment(stored);
    const fromZod = parseWhatsAppDeployment({ ...stored, spec: { phoneNumber: '+16315551000' } });
    expect(fromServer).toMatchObject({ ok: true });
    expect(stored.spec).toEqual(fromZod.ok && fromZod.resource.spec);
  });

  it('accepts every example', async () => {
    const files = (await readdir('examples')).filter((file) => /^(?!emulator-).*\.yaml$/.test(file));
    expect(files).toContain('backup.yaml');
    for (const file of files)
      for (const object of loadAll(await readFile(`examples/${file}`, 'utf8')) as KubeObject[]) {
        const here = { ...object, metadata: { ...object.metadata, namespace } };
        await client.create(here, { fieldManager: 'test', dryRun: true }, never);
      }
  });

  it('explains itself to kubectl', async () => {
    const database = await kubectl('explain', 'whatsappdeployment.spec.database');
    expect(database).toContain('Database of the stack. Set exactly one field.');
    expect(database).toContain('A single PostgreSQL, MySQL or MariaDB server that the operator runs');
    expect(await kubectl('explain', 'wad.spec.nodes.webapp.replicas')).toContain(
      'Default: 2 with topology HighAvailability',
    );
  });

  it('prints the columns of kubectl get', async () => {
    const header = (await kubectl('get', 'wad', '-n', namespace)).split('\n')[0];
    expect(header?.split(/\s+/)).toEqual([
      'NAME',
      'NUMBER',
      'STATE',
      'READY',
      'REASON',
      'VERSION',
      'MASTERS',
      'SHARDS',
      'WEBAPPS',
      'AGE',
    ]);
  });

  it('scales the Webapps through /scale', async () => {
    await create('scaled', { phoneNumber: '+16315551001', nodes: { webapp: { replicas: 2 } } });
    await kubectl('scale', 'wad', 'scaled', '-n', namespace, '--replicas=3');
    expect(
      await kubectl('get', 'wad', 'scaled', '-n', namespace, '-o', 'jsonpath={.spec.nodes.webapp.replicas}'),
    ).toBe('3');
  });

  it.each(badResources)('refuses $name and says what to do', async ({ spec, says }) => {
    const error = await create('bad', spec).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).status).toBe(422);
    expect((error as ApiError).message).toContain(says);
  });

  it('refuses a field that it does not know instead of dropping it', async () => {
    await expect(create('typo', { phoneNumber: '+16315551000', topolgy: 'Single' })).rejects.toThrow(
      /unknown field "spec.topolgy"/,
    );
  });

  it('refuses to change the number once it is registered, and not before', async () => {
    const stored = await create('moving', { phoneNumber: '+16315551002' });
    await client.apply(
      resource('moving', { phoneNumber: '+16315551003' }),
      { fieldManager: 'test', force: true },
      never,
    );
    await client.apply(
      { ...resource('moving', undefined), status: { registration: { state: 'Registered' } } },
      { fieldManager: 'test', subresource: 'status', force: true },
      never,
    );
    expect(stored.spec.phoneNumber).toBe('+16315551002');
    await expect(
      client.apply(
        resource('moving', { phoneNumber: '+16315551004' }),
        { fieldManager: 'test', force: true },
        never,
      ),
    ).rejects.toThrow(/immutable once registered; create another WhatsAppDeployment/);
  });

  it.each([
    ['another Cluster', { cloudNativePG: { name: 'a' } }, { cloudNativePG: { name: 'b' } }],
    ['an existing Cluster instead of its own', { cloudNativePG: {} }, { cloudNativePG: { name: 'b' } }],
    ['another InnoDBCluster', { mysqlOperator: { name: 'a' } }, { mysqlOperator: { name: 'b' } }],
    ['another MariaDB', { mariadbOperator: mariadb('a') }, { mariadbOperator: mariadb('b') }],
    ['volumes of an InnoDBCluster that grow', { mysqlOperator: {} }, { mysqlOperator: storage('20Gi') }],
    ['a MariaDB with less room', { mariadbOperator: storage('20Gi') }, { mariadbOperator: storage('2Gi') }],
    ['a MariaDB of another mode', { mariadbOperator: {} }, { mariadbOperator: { mode: 'Galera' } }],
    ['less room', { cloudNativePG: storage('20Gi') }, { cloudNativePG: storage('2Gi') }],
    ['less room than the default', { cloudNativePG: {} }, { cloudNativePG: storage('2Gi') }],
    [
      'another class of its volumes',
      { cloudNativePG: storage('20Gi', { storageClassName: 'fast' }) },
      { cloudNativePG: storage('20Gi', { storageClassName: 'slow' }) },
    ],
  ])('refuses to move the data of a stack to %s', async (to, before, after) => {
    const name = to.toLowerCase().replaceAll(' ', '-');
    const spec = { phoneNumber: '+16315551005', database: before };
    await create(name, spec);
    const update = (database: object) =>
      client.apply(resource(name, { ...spec, database }), { fieldManager: 'test', force: true }, never);
    await expect(update(after)).rejects.toThrow(/cannot (change|shrink)/);
  });

  it('lets the volumes of a Cluster grow, and takes another user for a cluster that somebody else made', async () => {
    const spec = (database: object) => ({ phoneNumber: '+16315551006', database });
    const options = { fieldManager: 'test', force: true };
    await create('growing', spec({ cloudNativePG: {} }));
    await client.apply(resource('growing', spec({ cloudNativePG: storage('11Gi') })), options, never);
    await create('other-user', spec({ mariadbOperator: mariadb('a') }));
    await client.apply(
      resource('other-user', spec({ mariadbOperator: mariadb('a', 'second') })),
      options,
      never,
    );
  });

  it('refuses another version of the vendor stack with the same images', async () => {
    const vendor = (version: string, images: string) => ({
      phoneNumber: '+16315551005',
      stack: 'OnPremises',
      version,
      images: { webapp: `web@sha256:${images}`, coreapp: `core@sha256:${images}` },
      registration: { certificateSecretRef: { name: 'cert' } },
    });
    const apply = (spec: object) =>
      client.apply(resource('vendor', spec), { fieldManager: 'test', force: true }, never);
    await apply(vendor('v2.57.1', '1'));
    await expect(apply(vendor('v2.59.1', '1'))).rejects.toThrow(/version changes together with images/);
    await apply(vendor('v2.59.1', '2'));
  });

  it.each([
    ['1shop', 'must begin with a letter and have only lower-case letters'],
    ['my.shop', 'must begin with a letter and have only lower-case letters'],
    ['waba-network', 'must not be default or waba-network'],
    ['default', 'must not be default or waba-network'],
    ['a'.repeat(63), 'at most 40 characters'],
  ])('refuses the name %s', async (name, says) => {
    await expect(create(name, { phoneNumber: '+16315551000' })).rejects.toThrow(says);
  });

  it.each(['s', 'a'.repeat(40), 'shop-1', 'my-network'])(
    'accepts the name %s, and so does the server with those of all children',
    async (name) => {
      const stored = parseWhatsAppDeployment(
        await create(name, { phoneNumber: '+16315551000', multiconnect: { shards: 2 } }),
      );
      if (!stored.ok) throw new Error(JSON.stringify(stored.problems));
      const apply = { fieldManager: 'test', force: true };
      for (const child of everyChild(stored.resource)) await client.apply(child, apply, never);
      // The controllers of Kubernetes make pods of them, whose labels and host names are longer still.
      await eventually(async () => {
        const { items } = await client.list(
          kinds.Pod,
          { namespace, labelSelector: `app.kubernetes.io/instance=${name}` },
          never,
        );
        const components = items.map(({ metadata }) => metadata.labels?.['app.kubernetes.io/component']);
        return ['webapp', 'master', 'coreapp', 'database', 'schema'].every((one) => components.includes(one));
      }, 30_000);
    },
  );

  it('lets an object go that has a name of an earlier version', async () => {
    const { spec } = load(await readFile('crds/whatsappdeployments.yaml', 'utf8')) as {
      spec: {
        versions: { schema: { openAPIV3Schema: { 'x-kubernetes-validations': { rule: string }[] } } }[];
      };
    };
    const rules = spec.versions[0]?.schema.openAPIV3Schema['x-kubernetes-validations'] ?? [];
    const ofNames = rules.filter(({ rule }) => rule.includes('self.metadata.name'));
    expect(ofNames.length).toBe(4);
    expect(ofNames.filter(({ rule }) => !rule.startsWith('oldSelf.hasValue() || '))).toEqual([]);
  });

  it('accepts an external database only if it is said whether the connection is encrypted', async () => {
    const spec = (tls?: object) => ({
      phoneNumber: '+16315551000',
      database: { external: { host: 'db', credentialsSecretRef: { name: 'a' }, ...(tls && { tls }) } },
    });
    await expect(create('clear', spec())).rejects.toThrow(/set tls.caSecretRef to the CA of the server/);
    await create('disabled', spec({ mode: 'Disable' }));
    await create('encrypted', spec({ caSecretRef: { name: 'ca' } }));
  });

  it('refuses a name that is too long for the names of its children', async () => {
    await expect(create('a'.repeat(41), { phoneNumber: '+16315551000' })).rejects.toThrow(
      /at most 40 characters/,
    );
    const spec = { phoneNumber: '+16315551000', database: { mysqlOperator: {} } };
    await expect(create('a'.repeat(38), spec)).rejects.toThrow(/at most 37 characters/);
    await create('a'.repeat(37), spec);
  });
});
