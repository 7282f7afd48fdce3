import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type Credentials, kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { account, grant } from '../support/accounts.ts';
import { installCrd, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { ScriptedStack } from '../support/scriptedStack.ts';

let client: KubeClient;
let upstream: Credentials;
let stack: ScriptedStack | undefined;

beforeAll(async () => {
  client = await testClient();
  upstream = await kubeconfigCredentials(systemClock, { path: inject('kubeconfig') });
  await installCrd(client);
});
afterEach(async () => {
  await stack?.close();
  stack = undefined;
});

const started = async (credentials: (namespace: string) => Promise<Credentials> = async () => upstream) => {
  stack = await ScriptedStack.start(client, credentials);
  return stack;
};
const isGone = async (of: ScriptedStack) => (await of.read().catch(() => undefined)) === undefined;
const failures = ({ log }: ScriptedStack) =>
  log.filter(({ message, level }) => level === 'error' || message.startsWith('reconcile failed'));

const all = (apiGroups: string[], resources: string[], verbs = ['*']) => ({ apiGroups, resources, verbs });
const rules = (verbsOfSecrets: string[]) => [
  all(['waba-operator.dev'], ['*']),
  all(['', 'events.k8s.io'], ['events', 'persistentvolumeclaims', 'pods', 'services', 'serviceaccounts']),
  all(['apps', 'batch', 'policy', 'networking.k8s.io', 'coordination.k8s.io'], ['*']),
  all([''], ['secrets'], verbsOfSecrets),
];

describe('errors of a pass', () => {
  it('reach the status and an event when the journal cannot be read, and are over when it can', async () => {
    const shop = await started();
    await shop.create();
    await shop.told('DatabaseReady', { reason: 'Starting' });
    type Secret = KubeObject & { readonly data: Readonly<Record<string, string>> };
    const journal = await client.get<Secret>(kinds.Secret, shop.namespace, 'shop-journal', never);
    const write = (text: string) =>
      client.mergePatch(
        kinds.Secret,
        { namespace: shop.namespace, name: 'shop-journal' },
        { data: { 'journal.json': text } },
        never,
      );
    await write(Buffer.from('{"registration": 7}').toString('base64'));
    const { message } = await shop.told('Ready', { status: 'False', reason: 'JournalUnreadable' });
    expect(message).toContain('Secret shop-journal');
    expect((await shop.read()).status?.phase).toBe('Blocked');
    expect((await shop.condition('DatabaseReady'))?.reason).toBe('Starting');
    await eventually(async () => (await shop.events()).includes('JournalUnreadable'));
    await write(journal.data['journal.json'] ?? '');
    await shop.told('Ready', { reason: 'Starting' });
  });

  it('reach the status when a generated Secret has the name of a foreign one', async () => {
    const shop = await started();
    const foreign: KubeObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'shop-keys', namespace: shop.namespace },
    };
    await client.create(foreign, { fieldManager: 'test' }, never);
    await shop.create();
    const { message } = await shop.told('Ready', { status: 'False', reason: 'NotControlled' });
    expect(message).toContain('Secret shop-keys exists and is not part of WhatsAppDeployment shop');
    // What does not need the Secret is there.
    const claim = await client.get(kinds.PersistentVolumeClaim, shop.namespace, 'shop-media', never);
    expect(claim.metadata.name).toBe('shop-media');
    await client.delete(kinds.Secret, shop.namespace, 'shop-keys', {}, never);
    await shop.told('Ready', { reason: 'Starting' }, 60_000);
  });
});

describe('a resource that is being deleted', () => {
  it('does not say Ready while a foreign finalizer holds it', async () => {
    const shop = await started();
    await shop.create({ deletionPolicy: 'Delete' }, { finalizers: ['example.com/hold'] });
    await shop.told('Ready', { reason: 'Starting' });
    await client.delete({ ...stackKind(await shop.read()) }, shop.namespace, 'shop', {}, never);
    const { message } = await shop.told('Ready', { status: 'False', reason: 'Deleting' });
    expect(message).toContain('example.com/hold');
    expect((await shop.read()).status?.phase).toBe('Deleting');
    await shop.patch({ metadata: { finalizers: null } });
    await eventually(() => isGone(shop));
  });

  it('tells once what the operator may not delete, with command and deadline, and goes when it may', async () => {
    const verbs = ['get', 'list', 'watch', 'create', 'update'];
    const shop = await started((namespace) => account(client, upstream, namespace, 'operator', rules(verbs)));
    await shop.create({ deletionPolicy: 'Delete' });
    await shop.told('Ready', { reason: 'Starting' });
    shop.log.length = 0;
    await client.delete({ ...stackKind(await shop.read()) }, shop.namespace, 'shop', {}, never);
    const { message } = await shop.told('Ready', { status: 'False', reason: 'CleanupBlocked' });
    expect(message).toMatch(new RegExp(`run: kubectl -n ${shop.namespace} delete secret/shop-`));
    expect(message).toMatch(/tries again until \d{4}-\d\d-\d\dT[\d:]+Z/);
    expect((await shop.read()).status?.phase).toBe('Blocked');
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    expect(shop.log.filter(({ level }) => level !== 'info').map(({ message: line }) => line)).toEqual([
      'the stack is not Ready',
    ]);
    await grant(client, shop.namespace, 'operator', rules(['*']));
    await eventually(() => isGone(shop), 45_000);
    expect((await shop.events()).filter((reason) => reason === 'CleanupBlocked')).toEqual(['CleanupBlocked']);
  });

  it('goes with its namespace without a storm in the log', async () => {
    const shop = await started();
    await shop.create({ deletionPolicy: 'Delete' });
    await shop.told('Ready', { reason: 'Starting' });
    shop.log.length = 0;
    await client.delete(kinds.Namespace, undefined, shop.namespace, {}, never);
    await eventually(() => isGone(shop), 60_000).catch(async (cause: unknown) => {
      const held = [await client.get(kinds.Namespace, undefined, shop.namespace, never), await shop.read()];
      throw new Error(JSON.stringify([...held, shop.log], null, 1), { cause });
    });
    expect(failures(shop)).toEqual([]);
  });
});

const stackKind = ({ apiVersion, kind }: KubeObject) => ({
  apiVersion,
  kind,
  plural: 'whatsappdeployments',
  namespaced: true,
});
