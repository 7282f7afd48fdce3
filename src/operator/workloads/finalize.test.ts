import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtualClock.ts';
import type { Source } from '../../engine/controller/sources.ts';
import { ApiError } from '../../engine/kube/apiError.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import type { EventText } from '../../engine/kube/eventCorrelator.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { ObjectCache } from '../../engine/kube/objectCache.ts';
import type { KubeRequest, Transport } from '../../engine/kube/transport.ts';
import { SNAPSHOT_OF } from '../plan/facts/backups.ts';
import { CLEANUP_FINALIZER, labels, NETWORK, stackLabels } from '../plan/facts/names.ts';
import { parseWhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { StackSources } from '../state/stackSources.ts';
import { finalize } from './finalize.ts';

const never = new AbortController().signal;
const DELETED_AT = Date.parse('2026-01-01T00:00:00Z');

interface SetupOptions {
  /** What of the namespace cannot be read. */
  readonly missing?: readonly string[];
  readonly others?: readonly KubeObject[];
  readonly isRefused?: boolean;
  readonly spec?: object;
  /** The namespace is being deleted: nothing can be created in it. */
  readonly isTerminating?: boolean;
}

/** A stack that is being deleted, with one Secret whose deletion the API server refuses. */
const setup = (
  minutesSince: number,
  isBusy = false,
  { missing = [], others = [], isRefused = true, isTerminating, spec }: SetupOptions = {},
) => {
  const stored: KubeObject = {
    apiVersion: 'waba-operator.dev/v1alpha1',
    kind: 'WhatsAppDeployment',
    metadata: {
      name: 'shop',
      namespace: 'default',
      uid: 'u',
      resourceVersion: '5',
      creationTimestamp: '2025-01-01T00:00:00Z',
      deletionTimestamp: '2026-01-01T00:00:00Z',
      finalizers: [CLEANUP_FINALIZER],
    },
    spec: { phoneNumber: '+16315551000', deletionPolicy: 'Delete', ...spec },
  };
  const parsed = parseWhatsAppDeployment(stored);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const cache = new ObjectCache<KubeObject>({
    stack: ({ metadata }) => [`default/${metadata.labels?.[labels.instance]}`],
  });
  cache.store({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'shop-keys', namespace: 'default', uid: 's', labels: stackLabels('shop', 'secrets') },
  });
  const stacks = new ObjectCache<KubeObject>({ namespace: () => ['default'] });
  stacks.store(stored);
  const backups = new ObjectCache<KubeObject>();
  const jobs = new ObjectCache<KubeObject>({ stack: () => [] });
  const cacheOf = ({ kind }: KubeObject) =>
    ({ WhatsAppDeployment: stacks, WhatsAppBackup: backups, Job: jobs })[kind as 'Job'] ?? cache;
  for (const other of others) cacheOf(other).store(other);
  const asked: KubeRequest[] = [];
  const transport: Transport = {
    request: async (request) => {
      asked.push(request);
      if (isTerminating && request.method === 'POST')
        throw new ApiError(
          403,
          {
            reason: 'Forbidden',
            message: 'unable to create new content in namespace default because it is being terminated',
          },
          'POST whatsappbackups',
        );
      if (isRefused && !isTerminating && request.method === 'DELETE')
        throw new ApiError(403, { reason: 'Forbidden' }, 'DELETE secrets');
      return request.body ?? {};
    },
    text: async () => '',
    stream: async function* () {},
    close: () => {},
  };
  const events: EventText[] = [];
  const source = (kind: 'Secret' | 'Job') =>
    ({
      kind: kinds[kind],
      cache: kind === 'Job' ? jobs : cache,
      onChange: () => {},
      isAbsent: () => false,
      lookAgain: () => {},
    }) satisfies Source<KubeObject>;
  const run = () =>
    finalize(
      parsed.resource,
      stored,
      {
        client: new KubeClient(transport),
        sources: {
          children: [source('Secret'), source('Job')],
          stacks: { cache: stacks },
          backups: { cache: backups },
          pods: { cache: new ObjectCache<KubeObject>({ stack: () => [] }) },
        } as unknown as StackSources,
        recorder: { record: (_: KubeObject, event: EventText) => void events.push(event) } as EventRecorder,
        clock: new VirtualClock(DELETED_AT + minutesSince * 60_000),
        journals: { read: () => undefined },
        gateways: { unsubscribe: async () => undefined },
        isBusy: () => isBusy,
        missing: () => missing,
      },
      never,
    );
  const deleted = () => asked.some(({ method }) => method === 'DELETE');
  const released = () => asked.some(({ method }) => method === 'PATCH');
  const names = () =>
    asked.filter(({ method }) => method === 'DELETE').map(({ path }) => path.split('/').slice(-2).join('/'));
  const created = () =>
    asked.flatMap(({ method, body }) => (method === 'POST' ? [(body as KubeObject).kind] : []));
  return { run, deleted, released, events, names, created };
};

describe('the finalizer of deletionPolicy Delete', () => {
  it('retries a refused deletion before its deadline, and tells the command and the deadline', async () => {
    const { run, released, events } = setup(9);
    const { ready, requeueAfterMs } = await run();
    expect(requeueAfterMs).toBeGreaterThanOrEqual(10_000);
    expect(ready).toMatchObject({ status: 'False', reason: 'CleanupBlocked' });
    expect(ready?.message).toContain('kubectl -n default delete secret/shop-keys');
    expect(ready?.message).toContain('until 2026-01-01T00:10:00Z');
    expect([released(), events]).toEqual([false, []]);
  });

  it('releases nothing that it may not see, before its deadline', async () => {
    const { run, released } = setup(9, false, { missing: ['secrets: not allowed in namespace default'] });
    expect((await run()).ready?.message).toContain('secrets: not allowed in namespace default');
    expect(released()).toBe(false);
  });

  it('waits while the application controller may still write the objects that it deletes', async () => {
    const { run, deleted, released } = setup(9, true);
    expect((await run()).requeueAfterMs).toBeGreaterThan(0);
    expect([deleted(), released()]).toEqual([false, false]);
  });

  it('keeps the Secrets that the data in an external database needs, and says so', async () => {
    const external = { host: 'db', credentialsSecretRef: { name: 'login' } };
    const { run, deleted, released, events } = setup(1, false, { spec: { database: { external } } });
    await run();
    expect([deleted(), released()]).toEqual([false, true]);
    expect(events).toMatchObject([{ reason: 'SecretsKept' }]);
    expect(events[0]?.message).toContain('shop-keys');
  });

  it('releases the resource after its deadline, and names the objects that are left', async () => {
    const { run, released, events } = setup(11);
    await run();
    expect(released()).toBe(true);
    expect(events).toMatchObject([{ reason: 'CleanupIncomplete' }]);
    expect(events[0]?.message).toContain('Secret shop-keys');
  });
});

describe('the policy of a resource that is being deleted', () => {
  it('may still become Retain, which keeps the data and lets the resource go', async () => {
    const { run, deleted, released } = setup(1, false, { spec: { deletionPolicy: 'Retain' } });
    await run();
    expect([deleted(), released()]).toEqual([false, true]);
  });

  const backup = { destination: { claim: { name: 'vault' } }, encryptionSecretRef: { name: 'key' } };
  const snapshot = { deletionPolicy: 'Snapshot', backup };
  /** Its Secrets are there, and so is a node: it has data. */
  const others: KubeObject[] = [
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'shop-coreapp-0', namespace: 'default', labels: stackLabels('shop', 'coreapp') },
      spec: { replicas: 0 },
    },
  ];

  it('is Snapshot: nothing goes before a last backup, however late it is', async () => {
    const { run, deleted, released, created } = setup(600, false, {
      spec: snapshot,
      others,
      isRefused: false,
    });
    expect((await run()).ready).toMatchObject({ reason: 'Deleting' });
    expect([deleted(), released(), created()]).toEqual([false, false, ['WhatsAppBackup']]);
  });

  it('is Snapshot: the time for deleting begins when the backup is complete', async () => {
    const done: KubeObject = {
      apiVersion: 'waba-operator.dev/v1alpha1',
      kind: 'WhatsAppBackup',
      metadata: {
        name: 'shop-20260101-000000',
        namespace: 'default',
        uid: 'b',
        resourceVersion: '1',
        creationTimestamp: '2026-01-01T00:00:00Z',
        annotations: { [SNAPSHOT_OF]: 'u' },
      },
      spec: { deployment: 'shop' },
      status: { phase: 'Completed', completedAt: '2026-01-01T09:58:00Z' },
    };
    const { run, deleted, released } = setup(600, false, { spec: snapshot, others: [...others, done] });
    expect((await run()).ready?.message).toContain('until 2026-01-01T10:08:00Z');
    expect([deleted(), released()]).toEqual([true, false]);
  });

  it('is Snapshot: a namespace that is being deleted takes the data along, and is not held', async () => {
    const { run, released } = setup(1, false, { spec: snapshot, others, isTerminating: true });
    await run();
    expect(released()).toBe(true);
  });
});

describe('a claim that a backup has read', () => {
  const claim: KubeObject = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'shop-media', namespace: 'default', uid: 'm', labels: stackLabels('shop', 'media') },
  };
  const job = (name: string, claimName: string, end?: string): KubeObject => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'default', uid: name },
    spec: { template: { spec: { volumes: [{ persistentVolumeClaim: { claimName } }, {}] } } },
    status: { conditions: end ? [{ type: end, status: 'True' }] : [] },
  });

  it('goes together with the ended Jobs whose pods would keep it', async () => {
    const others = [
      claim,
      job('done-backup', 'shop-media', 'Complete'),
      job('bad-backup', 'shop-media', 'Failed'),
      job('late-backup', 'shop-media'),
      job('other-backup', 'vault', 'Complete'),
    ];
    const { run, names } = setup(1, false, { others, isRefused: false });
    await run();
    expect(names()).toEqual([
      'jobs/done-backup',
      'jobs/bad-backup',
      'secrets/shop-keys',
      'persistentvolumeclaims/shop-media',
    ]);
  });
});

describe('the data of the shared network process', () => {
  const claim: KubeObject = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: NETWORK.name,
      namespace: 'default',
      uid: 'n',
      labels: stackLabels(NETWORK.name, 'network'),
    },
  };
  const journal = (of: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${of}-journal`, namespace: 'default', uid: of, labels: stackLabels(of, 'secrets') },
  });
  const other = (metadata: object, spec: object = {}): KubeObject => ({
    apiVersion: 'waba-operator.dev/v1alpha1',
    kind: 'WhatsAppDeployment',
    metadata: {
      name: 'other',
      namespace: 'default',
      uid: 'o',
      resourceVersion: '6',
      creationTimestamp: '2025-01-01T00:00:00Z',
      ...metadata,
    },
    spec: { phoneNumber: '+16315551001', ...spec },
  });
  const deletedNames = async (...others: KubeObject[]) => {
    const { run, names } = setup(1, false, { others: [claim, journal('shop'), ...others], isRefused: false });
    await run();
    return names();
  };
  const NETWORK_CLAIM = `persistentvolumeclaims/${NETWORK.name}`;

  it('goes with the last stack, and the journal of the stack goes last', async () => {
    const names = await deletedNames();
    expect(names).toContain(NETWORK_CLAIM);
    expect(names.at(-1)).toBe('secrets/shop-journal');
  });

  it('stays while another stack uses it, or the data of a deleted one is kept', async () => {
    expect(await deletedNames(other({}))).not.toContain(NETWORK_CLAIM);
    expect(await deletedNames(journal('gone'))).not.toContain(NETWORK_CLAIM);
    const kept = other({ deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(await deletedNames(kept, journal('other'))).not.toContain(NETWORK_CLAIM);
  });

  it('goes although another stack goes at the same time, which must not leave it to this one', async () => {
    const going = other({ deletionTimestamp: '2026-01-01T00:00:00Z' }, { deletionPolicy: 'Delete' });
    expect(await deletedNames(going, journal('other'))).toContain(NETWORK_CLAIM);
  });

  it('stays while a stack with a network of its own is all that is left to see', async () => {
    const own = other({}, { emulator: { network: { url: 'tcp://net:5222' } } });
    expect(await deletedNames(own, journal('other'))).not.toContain(NETWORK_CLAIM);
  });
});
