import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { RESTORE_TASKS, type RestoreTask, restoreJobName } from '../../src/operator/plan/facts/restore.ts';
import type { SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import { readJournal } from '../../src/operator/state/journalStore.ts';
import { WhatsAppBackupKind } from '../../src/operator/state/stackSources.ts';
import { runWaba } from './cliRun.ts';
import { startReceiver } from './emulatorStack.ts';
import { eventually } from './eventually.ts';
import type { HttpsServer } from './httpsServer.ts';
import { OperatorCluster } from './operatorCluster.ts';
import { killOperatorPod } from './operatorInstallation.ts';
import { outsideNetwork } from './outsideNetwork.ts';
import { type Receiver, stackApi } from './stackLoad.ts';
import { BUCKET, type TestS3, testS3 } from './testS3.ts';

const never = new AbortController().signal;
const NUMBER = '16315558400';
const PERSON = '16505590001';
const VAULT_KEY = { name: 'vault-key' };
const PASSPHRASE = 'correct horse battery staple';
const MEDIA = '%PDF-1.4 the price list';

/**
 * The drill of docs/disaster-recovery.md: a stack is deleted with everything that it had, its cluster ends, and it comes back in
 * another cluster and namespace and under another name, from the last backup that its deletion made.
 * @param drill topology and where the backup is, such as `Single claim`
 */
export function restoreDrill(engine: 'PostgreSQL' | 'MariaDB', drill: string): void {
  const [topology, place] = drill.split(' ');
  let network: Awaited<ReturnType<typeof outsideNetwork>>;
  let receiver: Receiver;
  /** Ids of messages that the receiver did not take. */
  const refused: string[] = [];
  /** The receiver answers 503. */
  let isAway = false;
  let cluster: OperatorCluster | undefined;
  /** The folder behind the claim. It outlives the clusters, as storage of its own does. */
  let volume: string;
  let s3: TestS3 | undefined;
  let https: HttpsServer | undefined;
  /** The name of the last backup. */
  let last = '';
  let before: Awaited<ReturnType<typeof network.number>>;
  /** What was there before: a message that was read, one that waits for the network, one that waits for the receiver, media. */
  const old = { read: '', queued: '', pending: '', media: '' };

  const now = (): OperatorCluster => {
    if (!cluster) throw new Error('there is no cluster');
    return cluster;
  };
  const apply = (object: object) =>
    now().apply({
      ...(object as KubeObject),
      metadata: { ...(object as KubeObject).metadata, namespace: now().namespace },
    });
  const secret = (name: string, stringData: Record<string, string>) =>
    apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData });
  const stack = (name: string, spec: object) =>
    apply({
      apiVersion: 'waba-operator.dev/v1alpha1',
      kind: 'WhatsAppDeployment',
      metadata: { name },
      spec: {
        phoneNumber: `+${NUMBER}`,
        topology,
        database: { managed: { engine } },
        webhook: { url: receiver.url, caSecretRef: { name: 'hook' } },
        emulator: { network: { url: network.url } },
        ...spec,
      },
    });
  /** The UID of the Job, once it is there. */
  const jobOf = (task: RestoreTask) =>
    eventually(
      async () =>
        (
          await now()
            .client.get<KubeObject>(kinds.Job, now().namespace, restoreJobName('again', task), never)
            .catch(() => undefined)
        )?.metadata.uid,
      60_000,
    );
  const backups = async () =>
    (
      await now().client.list<KubeObject & { status?: { phase?: string; warnings?: string[] } }>(
        WhatsAppBackupKind,
        { namespace: now().namespace },
        never,
      )
    ).items;
  const journal = async (name: string) =>
    readJournal(
      await now().client.get<SecretObject>(kinds.Secret, now().namespace, `${name}-journal`, never),
    );
  const write = async (body: string) =>
    (
      await network.call<{ id: string }>(`/numbers/${NUMBER}/messages`, 'POST', {
        from: PERSON,
        text: body,
      })
    ).id;

  /** A cluster with the operator and what a person brings: Secrets, and the claim or the credentials of the bucket. */
  const startCluster = async (namespace: string) => {
    cluster = await OperatorCluster.start({}, namespace);
    await cluster.installOperator();
    await cluster.kubectl('delete', 'wad', '--all', '--all-namespaces', '--timeout=60s');
    await secret(VAULT_KEY.name, { passphrase: PASSPHRASE });
    await secret('hook', { 'ca.crt': receiver.caPem });
    if (s3 && https) await secret('bucket', { ...s3.accessKey, 'ca.crt': https.caPem });
    else await claimOfVolume();
  };
  const claimOfVolume = async () => {
    const access = { storageClassName: 'vault', accessModes: ['ReadWriteOnce'] };
    await now().apply({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'vault' },
      spec: {
        ...access,
        capacity: { storage: '1Gi' },
        persistentVolumeReclaimPolicy: 'Retain',
        hostPath: { path: volume },
      },
    } as KubeObject);
    await apply({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'vault' },
      spec: { ...access, volumeName: 'vault', resources: { requests: { storage: '1Gi' } } },
    });
  };
  const destination = () =>
    https
      ? {
          s3: {
            bucket: BUCKET,
            prefix: 'vault',
            endpoint: https.url,
            pathStyle: true,
            credentialsSecretRef: { name: 'bucket' },
            caSecretRef: { name: 'bucket', key: 'ca.crt' },
          },
        }
      : { claim: { name: 'vault' } };

  beforeAll(async () => {
    network = await outsideNetwork();
    receiver = await startReceiver(({ messages = [] }) => {
      if (!isAway) return 200;
      refused.push(...messages.map(({ id }) => id));
      return 503;
    });
    volume = await mkdtemp(join(tmpdir(), 'waba-vault-'));
    if (place === 'bucket') {
      s3 = await testS3();
      https = await s3.tls();
    }
    await startCluster('default');
  });
  afterAll(async () => {
    await cluster?.close();
    await https?.close();
    await s3?.close();
    await receiver?.close();
    await network?.close();
    await rm(volume, { recursive: true, force: true });
  });

  describe(`a stack that is lost (${topology}, ${place}, ${engine})`, () => {
    it('goes after a last backup, which outlives it', async () => {
      const backup = { destination: destination(), encryptionSecretRef: VAULT_KEY };
      await stack('lost', { deletionPolicy: 'Snapshot', backup });
      await now().ready('lost', 180_000);
      const { client, login } = await stackApi(now(), 'lost');
      const session = await login();
      await client.users.create(session, 'agent', 'Agent-Secret1', never);
      await client.settings.patchApplication(session, { heartbeat_interval: 17 }, never);
      old.media = await client.media.upload(session, MEDIA, 'application/pdf', never);
      old.read = await write('Hi');
      await eventually(() => client.messages.markRead(session, old.read, never).then(() => true), 30_000);
      isAway = true;
      old.pending = await write('Are you open?');
      await eventually(async () => refused.includes(old.pending), 30_000);
      before = await network.number(NUMBER);
      expect(before?.codeRequests).toBe(1);
      await network.cut();
      old.queued = await client.messages.sendText(session, PERSON, 'We are', never);
      client.close();

      await now().kubectl('delete', 'wad', 'lost', '--wait=false');
      last = await eventually(async () => (await backups())[0]?.metadata.name, 60_000);
      await killOperatorPod(now());
      await now().kubectl('wait', '--for=delete', 'wad/lost', '--timeout=120s');
      const [made, ...others] = await backups();
      expect([made?.status?.phase, made?.status?.warnings ?? [], others]).toEqual(['Completed', [], []]);
      const left = (kind: string) =>
        now().kubectl('get', kind, '-l', 'app.kubernetes.io/instance=lost', '-o', 'name');
      expect(await left('secrets')).toBe('');
      // Claims go after the pods that mount them.
      await eventually(async () => (await left('persistentvolumeclaims')) === '', 60_000).catch(async () =>
        expect(await now().kubectl('get', 'persistentvolumeclaims,pods,jobs', '-o', 'yaml')).toBe(''),
      );
    });

    it('is proved to be whole, although it is gone', { timeout: 180_000 }, async () => {
      const { kubeconfigPath } = now().cluster.controlPlane;
      const access = ['-n', 'default', '--kubeconfig', kubeconfigPath];
      const verify = () => runWaba(['backup', 'verify', last, '-o', 'json', ...access]);
      const good = await verify();
      expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('"reason": "Verified"') });
      expect(good.stdout).toMatch(/can be restored: \d+ tables with \d+ rows/);
      await secret(VAULT_KEY.name, { passphrase: 'another' });
      const bad = await verify();
      expect(bad).toMatchObject({ code: 1, stdout: expect.stringContaining('"reason": "PassphraseWrong"') });
    });

    it('is made again in another cluster, registered without another code, with its users, settings and media', async () => {
      await cluster?.close();
      cluster = undefined;
      await startCluster('recovered');
      await network.back();
      isAway = false;
      const since = new Date();
      const restoreFrom = {
        backup: last,
        namespace: 'default',
        deployment: 'lost',
        destination: destination(),
        encryptionSecretRef: VAULT_KEY,
      };
      await stack('again', { registration: { restoreFrom } });
      // The next process cannot open what the first Job told this one.
      const first = await jobOf('open');
      await killOperatorPod(now());
      await eventually(async () => (await jobOf('open')) !== first, 60_000);
      await jobOf('restore');
      await killOperatorPod(now());
      await now().ready('again', 180_000);

      const { client, login } = await stackApi(now(), 'again');
      expect(await client.users.login('agent', 'Agent-Secret1', {}, never)).toBeDefined();
      const admin = await login();
      expect(await client.settings.application(admin, never)).toMatchObject({ heartbeat_interval: 17 });
      await client.messages.markRead(admin, old.read, never);
      await eventually(async () => (await journal('again')).restore?.phase === 'Done', 60_000);
      const media = await client.media.download(admin, old.media, never);
      expect(media && [media.type, await text(media.content)]).toEqual(['application/pdf', MEDIA]);
      client.close();
      expect(await network.number(NUMBER)).toMatchObject({ codeRequests: before?.codeRequests });
      expect((await journal('again')).restore).toMatchObject({
        phase: 'Done',
        folder: 'default/lost',
        jobs: 1,
        media: { restored: 2, kept: 0 },
      });
      expect(await now().denied(since)).toEqual([]);
    });

    it('delivers what it had accepted and received before, each once', async () => {
      const told = () => receiver.received.flatMap(({ messages = [] }) => messages.map(({ id }) => id));
      await eventually(async () => told().includes(old.pending), 60_000);
      await eventually(async () => receiver.statuses(old.queued).includes('delivered'), 60_000);
      expect(told().filter((id) => id === old.pending)).toHaveLength(1);
      const chat = JSON.stringify(await network.call(`/numbers/${NUMBER}/chats/${PERSON}`));
      expect(chat.split('"We are"')).toHaveLength(2);
    });

    it('shows nothing of its Secrets in the logs of the Jobs', async () => {
      const { client, namespace } = now();
      const { data = {} } = await client.get<SecretObject>(kinds.Secret, namespace, 'again-keys', never);
      for (const task of RESTORE_TASKS) {
        const job = `job/${restoreJobName('again', task)}`;
        const log = await now().kubectl('logs', '-n', namespace, job, '--all-containers');
        expect(log).toContain('"ok":true');
        for (const value of Object.values(data)) {
          expect(log).not.toContain(value);
          expect(log).not.toContain(Buffer.from(value, 'base64').toString());
        }
      }
    });
  });
}
