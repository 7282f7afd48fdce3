import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { CONTAINERS } from '../../src/backup/contract/contract.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { BACKUP_FINALIZER, BACKUP_LABEL, SNAPSHOT_OF } from '../../src/operator/plan/facts/backups.ts';
import { CLEANUP_FINALIZER } from '../../src/operator/plan/facts/names.ts';
import {
  BACKUP_KIND,
  parseWhatsAppBackup,
  type WhatsAppBackup,
  type WhatsAppBackupStatus,
} from '../../src/operator/resource/whatsAppBackup.ts';
import { API_VERSION } from '../../src/operator/resource/whatsAppDeployment.ts';
import { WhatsAppBackupKind, WhatsAppDeploymentKind } from '../../src/operator/state/stackSources.ts';
import { runWaba } from '../support/cliRun.ts';
import { installCrd, kubectl, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { type Fate, ScriptedKubelet } from '../support/scriptedKubelet.ts';
import { ScriptedStack, volumeFor } from '../support/scriptedStack.ts';

/** The operator's side of backups on a real API server. The program of the Jobs is played. */

let client: KubeClient;
let stack: ScriptedStack;
let kubelet: ScriptedKubelet;
/** What the program of a backup does, by name of the backup; it succeeds unless told. */
const fates = new Map<string, Fate>();
/** What the program that verifies a backup does, by name of the backup. */
const verdicts = new Map<string, Fate>();
/** Whether the destination of all others is full. */
let playFull = false;

const ended = (exitCode: number, result: object): Fate => ({
  container: { state: { terminated: { exitCode, reason: 'Completed', message: JSON.stringify(result) } } },
  status: { phase: exitCode === 0 ? 'Succeeded' : 'Failed' },
});
const GOOD = ended(0, {
  ok: true,
  command: 'run',
  storedBytes: 2048,
  plainBytes: 8192,
  durationMs: 5,
  databases: ['configStore', 'messageStore'],
  warnings: [],
});
/** A pod that works, and has not ended. */
const RUNNING: Fate = { container: { state: { running: {} } }, status: { phase: 'Running' } };
const failure = (code: string, message: string) =>
  ended(2, { ok: false, command: 'run', code, message, retriable: false, durationMs: 5 });

beforeAll(async () => {
  client = await testClient();
  await installCrd(client);
  const upstream = await kubeconfigCredentials(systemClock, { path: inject('kubeconfig') });
  stack = await ScriptedStack.start(client, async () => upstream);
  kubelet = ScriptedKubelet.start(client, stack.namespace);
  kubelet.fate = ({ metadata }) => {
    const backup = metadata.labels?.[BACKUP_LABEL];
    if (backup === undefined) return undefined;
    const isVerification = metadata.name.startsWith(`${backup}-verify-`);
    if (isVerification) return verdicts.get(backup) ?? RUNNING;
    const byDefault = playFull ? failure('DestinationFull', 'no space') : GOOD;
    return fates.get(backup) ?? byDefault;
  };
  await client.create(volumeFor(stack.namespace, 'vault'), { fieldManager: 'test' }, never);
  await client.create(
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'vault', namespace: stack.namespace },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    },
    { fieldManager: 'test' },
    never,
  );
  await stack.create({
    backup: {
      schedule: '* * * * *',
      retention: { count: 1 },
      destination: { claim: { name: 'vault' } },
      encryptionSecretRef: { name: 'vault-key' },
    },
  });
  await stack.told('SchemaReady', { status: 'True' }, 60_000);
}, 120_000);
afterAll(async () => {
  await stack.close();
  await kubelet.close();
});

const create = (name: string, spec: object = {}) =>
  client.create(
    {
      apiVersion: API_VERSION,
      kind: BACKUP_KIND,
      metadata: { name, namespace: stack.namespace },
      spec: { deployment: 'shop', ...spec },
    },
    { fieldManager: 'test' },
    never,
  );
async function read(name: string): Promise<WhatsAppBackup> {
  const parsed = parseWhatsAppBackup(await client.get(WhatsAppBackupKind, stack.namespace, name, never));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.resource;
}
const told = (name: string, phase: string, reason: string): Promise<WhatsAppBackupStatus> => {
  let last: WhatsAppBackupStatus | undefined;
  return eventually(async () => {
    last = (await read(name)).status;
    return last?.phase === phase && last.conditions?.[0]?.reason === reason ? last : undefined;
  }, 60_000).catch((cause: unknown) => {
    throw new Error(`${name}: ${JSON.stringify(last)}`, { cause });
  });
};
const remove = (name: string) => client.delete(WhatsAppBackupKind, stack.namespace, name, {}, never);
const isGone = (name: string) =>
  read(name).then(
    () => false,
    () => true,
  );

describe('a WhatsAppBackup', () => {
  it('says what it lacks, begins when that is there, and tells size and databases when it is complete', async () => {
    await create('first');
    const waiting = await told('first', 'Pending', 'SecretMissing');
    expect(waiting.conditions?.[0]?.message).toBe(
      'Secret vault-key with key passphrase does not exist; create it',
    );
    await stack.told('BackupCurrent', { status: 'False' });
    await client.create(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'vault-key', namespace: stack.namespace },
        stringData: { passphrase: 'correct horse battery staple' },
      } as KubeObject,
      { fieldManager: 'test' },
      never,
    );
    const done = await told('first', 'Completed', 'Completed');
    expect(done).toMatchObject({
      storedBytes: 2048,
      plainBytes: 8192,
      databases: ['configStore', 'messageStore'],
      location: 'PersistentVolumeClaim vault',
      engine: 'PostgreSQL',
    });
    expect(Date.parse(done.completedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(done.startedAt ?? ''));
    await eventually(async () => {
      const { status } = await stack.read();
      return (status as { lastBackup?: { name?: string } } | undefined)?.lastBackup?.name;
    });
    const table = await kubectl('-n', stack.namespace, 'get', 'wabk', 'first');
    expect(table).toMatch(/first\s+shop\s+Completed\s+Completed\s+2048/);
  });

  it('runs pods that the restricted profile admits', async () => {
    const { items } = await client.list<KubeObject & { spec: { containers: { name: string }[] } }>(
      kinds.Pod,
      { namespace: stack.namespace, labelSelector: `${BACKUP_LABEL}=first` },
      never,
    );
    const [pod] = items;
    expect(pod?.spec.containers.map(({ name }) => name)).toEqual([CONTAINERS.agent, CONTAINERS.dump]);
    const namespace = `${stack.namespace}-restricted`;
    await client.create(
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
      },
      { fieldManager: 'test' },
      never,
    );
    const copy = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'copy', namespace },
      spec: { ...pod?.spec, nodeName: undefined, serviceAccountName: undefined, serviceAccount: undefined },
    } as unknown as KubeObject;
    // The ServiceAccount default may not be there yet.
    await eventually(() => client.create(copy, { fieldManager: 'test', dryRun: true }, never));
  });

  it('that fails tells the cause at once, and hides no good one', async () => {
    fates.set('full', failure('DestinationFull', 'the volume has no space left: 10 of 10 GiB are used'));
    await create('full');
    const failed = await told('full', 'Failed', 'DestinationFull');
    expect(failed.conditions?.[0]).toMatchObject({
      status: 'False',
      message: 'the volume has no space left: 10 of 10 GiB are used',
    });
    const { status } = await stack.read();
    expect((status as { lastBackup?: { name?: string } } | undefined)?.lastBackup?.name).not.toBe('full');
    await eventually(async () => {
      const { items } = await client.list<KubeObject & { reason?: string; type?: string }>(
        kinds.Event,
        { namespace: stack.namespace, fieldSelector: 'involvedObject.name=full' },
        never,
      );
      return items.some(({ type, reason }) => type === 'Warning' && reason === 'BackupDestinationFull');
    });
  });

  it('is made once: only its deletionPolicy can change', async () => {
    const change = (spec: object) =>
      client.mergePatch(WhatsAppBackupKind, { namespace: stack.namespace, name: 'first' }, { spec }, never);
    await expect(change({ media: true })).rejects.toThrow('only deletionPolicy and verification can change');
    await expect(change({ deployment: 'other' })).rejects.toThrow(
      'only deletionPolicy and verification can change',
    );
    await change({ deletionPolicy: 'Delete' });
    await eventually(async () => (await read('first')).metadata.finalizers.includes(BACKUP_FINALIZER));
  });

  it('with deletionPolicy Delete goes after what is stored, and says what keeps that from going', async () => {
    fates.set('first', failure('DestinationDenied', 'the volume is read-only'));
    await remove('first');
    const kept = await told('first', 'Deleting', 'RemovalFailed');
    expect(kept.conditions?.[0]?.message).toContain(`kubectl -n ${stack.namespace} delete job first-removal`);
    fates.delete('first');
    await client.delete(kinds.Job, stack.namespace, 'first-removal', {}, never);
    await eventually(() => isGone('first'), 60_000);
  });

  it('without a stack says so, and goes without one', async () => {
    await create('lost', { deployment: 'nobody', deletionPolicy: 'Delete' });
    await told('lost', 'Pending', 'DeploymentMissing');
    await remove('lost');
    await eventually(() => isGone('lost'));
  });
});

describe('a schedule', () => {
  it('makes backups of its own, and keeps as many as its retention says', async () => {
    const scheduled = async () =>
      (await client.list<KubeObject>(WhatsAppBackupKind, { namespace: stack.namespace }, never)).items.filter(
        ({ metadata }) => metadata.name.startsWith('shop-'),
      );
    const [first] = await eventually(async () => {
      const found = await scheduled();
      return found.length > 0 ? found : undefined;
    }, 90_000);
    await told(first?.metadata.name ?? '', 'Completed', 'Completed');
    await stack.told('BackupCurrent', { status: 'True', reason: 'Current' });
    expect(await stack.condition('Ready')).not.toMatchObject({ reason: 'Error' });
  });
});

describe('kubectl waba backup', () => {
  const waba = (...args: string[]) =>
    runWaba([...args, '-n', stack.namespace, '--kubeconfig', inject('kubeconfig')]);

  it('makes a backup, follows it, and tells what was stored', async () => {
    const { code, stdout, stderr } = await waba('backup', 'shop', '--name', 'by-hand');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^WhatsAppBackup by-hand created\n[\s\S]*\nby-hand is complete: 2\.0 KiB stored, 8\.0 KiB before encryption, in \d+ s\n/,
    );
    expect(stdout).toContain(
      `stored in: PersistentVolumeClaim vault, folder ${stack.namespace}/shop/by-hand`,
    );
    const taken = await waba('backup', 'shop', '--name', 'by-hand');
    expect([taken.code, taken.stderr]).toEqual([
      1,
      expect.stringContaining('choose another name with --name'),
    ]);
  });

  it('ends with 1 and the cause when the program fails, and lists what became of each', async () => {
    fates.set('denied', failure('DestinationDenied', 'the volume is read-only'));
    const { code, stderr } = await waba('backup', 'shop', '--name', 'denied');
    expect(code).toBe(1);
    expect(stderr).toContain(
      'the backup denied failed, DestinationDenied: the volume is read-only\nwhat to do: ',
    );
    const { stdout } = await waba('backup', 'list', 'shop');
    expect(stdout).toMatch(/^NAME\s+STACK\s+PHASE\s+REASON\s+SIZE\s+AGE\s+VERIFIED\n/);
    expect(stdout).toMatch(/\nby-hand\s+shop\s+Completed\s+Completed\s+2\.0 KiB\s+\d+s\s+-\n/);
    expect(stdout).toMatch(/\ndenied\s+shop\s+Failed\s+DestinationDenied\s+-\s+\d+s\s+-\n/);
  });

  it('ends at what a person must mend', async () => {
    const secret = ['--claim', 'vault', '--passphrase-secret', 'absent'];
    const { code, stderr } = await waba('backup', 'shop', '--name', 'waiting', ...secret);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'the backup waiting waits, SecretMissing: Secret absent with key passphrase does not exist; create it\nwhat to do: ',
    );
  });
});

describe('kubectl waba backup verify', () => {
  const verify = (...args: string[]) =>
    runWaba(['backup', 'verify', ...args, '-n', stack.namespace, '--kubeconfig', inject('kubeconfig')]);
  const verification = (attempt: number) =>
    client.get<KubeObject>(kinds.Job, stack.namespace, `by-hand-verify-${attempt}`, never);

  it('starts a pod with a server of its own, and ends with what was counted', async () => {
    const running = verify('by-hand');
    const pod = await eventually(async () => {
      const { items } = await client.list<
        KubeObject & { spec: { initContainers?: { name: string; restartPolicy?: string }[] } }
      >(kinds.Pod, { namespace: stack.namespace, labelSelector: `${BACKUP_LABEL}=by-hand` }, never);
      return items.find(({ metadata }) => metadata.name.startsWith('by-hand-verify-1'));
    });
    expect(pod.spec.initContainers).toMatchObject([{ name: 'server', restartPolicy: 'Always' }]);
    const copy = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'verification', namespace: `${stack.namespace}-restricted` },
      spec: { ...pod.spec, nodeName: undefined, serviceAccountName: undefined, serviceAccount: undefined },
    } as unknown as KubeObject;
    await client.create(copy, { fieldManager: 'test', dryRun: true }, never);
    verdicts.set(
      'by-hand',
      ended(0, { ok: true, command: 'verify', tables: 12, rows: 345, durationMs: 5, warnings: [] }),
    );
    const { code, stdout, stderr } = await running;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('by-hand is verified: the backup is whole and can be restored: 12 tables');
    // Its pod would hold the data in the clear.
    await eventually(() =>
      verification(1).then(
        () => false,
        () => true,
      ),
    );
    expect((await read('by-hand')).status).toMatchObject({
      phase: 'Completed',
      verification: { attempt: 1 },
    });
  });

  it('ends with 1 and the cause when the backup is spoilt, and keeps the Job for its log', async () => {
    verdicts.set('by-hand', failure('BackupCorrupted', 'media.tar.age ends early'));
    const { code, stdout } = await verify('by-hand', '-o', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      attempt: 2,
      verified: false,
      reason: 'BackupCorrupted',
      message: 'media.tar.age ends early',
    });
    const { status } = await verification(2);
    expect(status).toMatchObject({ failed: 1 });
    const table = await kubectl('-n', stack.namespace, 'get', 'wabk', 'by-hand');
    expect(table).toMatch(/by-hand\s+shop\s+Completed\s+Completed/);
  });
});

describe('a stack with deletionPolicy Snapshot', () => {
  const snapshot = async () =>
    (await client.list<KubeObject>(WhatsAppBackupKind, { namespace: stack.namespace }, never)).items.find(
      ({ metadata }) => metadata.annotations?.[SNAPSHOT_OF],
    )?.metadata.name;
  const failing = (name: string) => told(name, 'Failed', 'DestinationFull');
  const claim = () => client.get(kinds.PersistentVolumeClaim, stack.namespace, 'shop-database', never);
  const pods = async () =>
    (await client.list<KubeObject>(kinds.Pod, { namespace: stack.namespace }, never)).items
      .map(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] ?? '')
      .filter((component) => ['webapp', 'coreapp', 'database'].includes(component));

  it('keeps its data while the last backup fails, and goes with them after a good one', async () => {
    await stack.patch({ spec: { deletionPolicy: 'Snapshot', backup: { suspend: true } } });
    await eventually(async () => (await stack.read()).metadata.finalizers?.includes(CLEANUP_FINALIZER));
    playFull = true;
    await client.delete(WhatsAppDeploymentKind, stack.namespace, 'shop', {}, never);
    const name = await eventually(snapshot, 60_000);
    expect(await pods()).toEqual(['database']);
    await failing(name);
    const { message } = await stack.told('Ready', { status: 'False', reason: 'SnapshotBlocked' }, 60_000);
    expect(message).toContain(`kubectl -n ${stack.namespace} delete whatsappbackup ${name}`);
    expect((await claim()).metadata.deletionTimestamp).toBeUndefined();

    playFull = false;
    await remove(name);
    await told(name, 'Completed', 'Completed');
    await eventually(
      () =>
        stack.read().then(
          () => false,
          () => true,
        ),
      60_000,
    );
    // The protection of claims waits for the pod of the database, which nobody ends here.
    await eventually(() =>
      claim().then(
        ({ metadata }) => metadata.deletionTimestamp !== undefined,
        () => true,
      ),
    );
    expect((await read(name)).status?.phase).toBe('Completed');
  });
});
