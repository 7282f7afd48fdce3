import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { RESTORE_TASKS, type RestoreTask, restoreJobName } from '../../src/operator/plan/facts/restore.ts';
import type { SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import { readJournal } from '../../src/operator/state/journalStore.ts';
import { WhatsAppBackupKind } from '../../src/operator/state/stackSources.ts';
import { runWaba } from '../support/cliRun.ts';
import { eventually } from '../support/eventually.ts';
import type { HttpsServer } from '../support/httpsServer.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';
import { killOperatorPod } from '../support/operatorInstallation.ts';
import { stackApi } from '../support/stackLoad.ts';
import { BUCKET, type TestS3, testS3 } from '../support/testS3.ts';

/**
 * The drill of docs/disaster-recovery.md: a stack is deleted with everything that it had, and comes back under another name from
 * the last backup that its deletion made.
 */

const never = new AbortController().signal;
const NUMBER = '16315558400';
const PERSON = '16505590001';
/**
 * What is lost and where its backup is, such as `Single claim`. CI has time for one; `npm run soak -- restored` does the others.
 * Not on PostgreSQL: the server that the process node runs is newer than the pg_dump of most machines.
 */
const [TOPOLOGY, PLACE] = (process.env.RESTORE_DRILL ?? 'Single claim').split(' ');
const VAULT_KEY = { name: 'vault-key' };
const PASSPHRASE = 'correct horse battery staple';

let cluster: OperatorCluster;
let s3: TestS3 | undefined;
let https: HttpsServer | undefined;
let destination: object = { claim: { name: 'vault' } };
/** A message that a person sent before the backup. */
let messageId = '';
/** Media that was uploaded before the backup. */
let mediaId = '';
const MEDIA = '%PDF-1.4 the price list';
/** The name of the last backup. */
let last = '';
let before: Awaited<ReturnType<OperatorCluster['number']>>;

const stack = (name: string, spec: object): KubeObject =>
  ({
    apiVersion: 'waba-operator.dev/v1alpha1',
    kind: 'WhatsAppDeployment',
    metadata: { name, namespace: 'default' },
    spec: {
      phoneNumber: `+${NUMBER}`,
      topology: TOPOLOGY,
      database: { managed: { engine: 'MariaDB' } },
      ...spec,
    },
  }) as KubeObject;
/** The UID of the Job, once it is there. */
const jobOf = (task: RestoreTask) =>
  eventually(
    async () =>
      (
        await cluster.client
          .get<KubeObject>(kinds.Job, 'default', restoreJobName('again', task), never)
          .catch(() => undefined)
      )?.metadata.uid,
    60_000,
  );
const backups = async () =>
  (
    await cluster.client.list<KubeObject & { status?: { phase?: string; warnings?: string[] } }>(
      WhatsAppBackupKind,
      { namespace: 'default' },
      never,
    )
  ).items;
const journal = async (name: string) =>
  readJournal(await cluster.client.get<SecretObject>(kinds.Secret, 'default', `${name}-journal`, never));

beforeAll(async () => {
  cluster = await OperatorCluster.start();
  await cluster.installOperator();
  await cluster.kubectl('delete', 'wad', 'shop', '--wait=true', '--timeout=60s');
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: VAULT_KEY.name, namespace: 'default' },
    stringData: { passphrase: PASSPHRASE },
  } as KubeObject);
  if (PLACE === 'bucket') await useBucket();
  else
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'vault', namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    } as KubeObject);
});
afterAll(async () => {
  await cluster?.close();
  await https?.close();
  await s3?.close();
});

async function useBucket(): Promise<void> {
  s3 = await testS3();
  https = await s3.tls();
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'bucket', namespace: 'default' },
    stringData: { ...s3.accessKey, 'ca.crt': https.caPem },
  } as KubeObject);
  destination = {
    s3: {
      bucket: BUCKET,
      prefix: 'vault',
      endpoint: https.url,
      pathStyle: true,
      credentialsSecretRef: { name: 'bucket' },
      caSecretRef: { name: 'bucket', key: 'ca.crt' },
    },
  };
}

describe(`a stack that is lost (${TOPOLOGY}, ${PLACE})`, () => {
  it('goes after a last backup, which outlives it', async () => {
    const backup = { destination, encryptionSecretRef: VAULT_KEY };
    await cluster.apply(stack('lost', { deletionPolicy: 'Snapshot', backup }));
    await cluster.ready('lost', 180_000);
    const { client, login } = await stackApi(cluster, 'lost');
    const session = await login();
    await client.users.create(session, 'agent', 'Agent-Secret1', never);
    await client.settings.patchApplication(session, { heartbeat_interval: 17 }, never);
    mediaId = await client.media.upload(session, MEDIA, 'application/pdf', never);
    const said = { from: PERSON, text: 'Hi' };
    ({ id: messageId } = await cluster.simulation<{ id: string }>(
      `/numbers/${NUMBER}/messages`,
      'POST',
      said,
    ));
    await eventually(() => client.messages.markRead(session, messageId, never).then(() => true), 30_000);
    client.close();
    before = await cluster.number(NUMBER);
    expect(before?.codeRequests).toBe(1);
    await cluster.kubectl('delete', 'wad', 'lost', '--wait=false');
    last = await eventually(async () => (await backups())[0]?.metadata.name, 60_000);
    await killOperatorPod(cluster);
    await cluster.kubectl('wait', '--for=delete', 'wad/lost', '--timeout=120s');
    const [made, ...others] = await backups();
    expect([made?.status?.phase, made?.status?.warnings ?? [], others]).toEqual(['Completed', [], []]);
    const left = (kind: string) =>
      cluster.kubectl('get', kind, '-l', 'app.kubernetes.io/instance=lost', '-o', 'name');
    expect(await left('secrets')).toBe('');
    // Claims go after the pods that mount them.
    await eventually(async () => (await left('persistentvolumeclaims')) === '', 60_000).catch(async () =>
      expect(await cluster.kubectl('get', 'persistentvolumeclaims,pods,jobs', '-o', 'yaml')).toBe(''),
    );
  });

  it('is proved to be whole, although it is gone', { timeout: 180_000 }, async () => {
    const verify = () =>
      runWaba([
        'backup',
        'verify',
        last,
        '-o',
        'json',
        '-n',
        'default',
        '--kubeconfig',
        cluster.cluster.controlPlane.kubeconfigPath,
      ]);
    const good = await verify();
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('"reason": "Verified"') });
    expect(good.stdout).toMatch(/can be restored: \d+ tables with \d+ rows/);
    await cluster.kubectl('patch', 'secret', VAULT_KEY.name, '-p', '{"stringData":{"passphrase":"another"}}');
    const bad = await verify();
    expect(bad).toMatchObject({ code: 1, stdout: expect.stringContaining('"reason": "PassphraseWrong"') });
    const right = JSON.stringify({ stringData: { passphrase: PASSPHRASE } });
    await cluster.kubectl('patch', 'secret', VAULT_KEY.name, '-p', right);
  });

  it('is made again from it, registered without another code, with its users, settings and messages', async () => {
    await cluster.kubectl('delete', 'wabk', last, '--wait=true', '--timeout=60s');
    const since = new Date();
    const restoreFrom = {
      backup: last,
      deployment: 'lost',
      destination,
      encryptionSecretRef: VAULT_KEY,
    };
    await cluster.apply(stack('again', { registration: { restoreFrom } }));
    // The next process cannot open what the first Job told this one.
    const first = await jobOf('open');
    await killOperatorPod(cluster);
    await eventually(async () => (await jobOf('open')) !== first, 60_000);
    await jobOf('restore');
    await killOperatorPod(cluster);
    await cluster.ready('again', 180_000);

    const { client } = await stackApi(cluster, 'again');
    const session = await client.users.login('agent', 'Agent-Secret1', {}, never);
    expect(session).toBeDefined();
    const { login } = await stackApi(cluster, 'again');
    const admin = await login();
    expect(await client.settings.application(admin, never)).toMatchObject({ heartbeat_interval: 17 });
    await client.messages.markRead(admin, messageId, never);
    await eventually(async () => (await journal('again')).restore?.phase === 'Done', 60_000);
    const media = await client.media.download(admin, mediaId, never);
    expect(media && [media.type, await text(media.content)]).toEqual(['application/pdf', MEDIA]);
    client.close();
    expect(await cluster.number(NUMBER)).toMatchObject({ codeRequests: before?.codeRequests });
    expect((await journal('again')).restore).toMatchObject({
      phase: 'Done',
      folder: 'default/lost',
      jobs: 1,
      media: { restored: 2, kept: 0 },
    });
    expect(await cluster.denied(since)).toEqual([]);
  });

  it('shows nothing of its Secrets in the logs of the Jobs', async () => {
    const { data = {} } = await cluster.client.get<SecretObject>(
      kinds.Secret,
      'default',
      'again-keys',
      never,
    );
    for (const task of RESTORE_TASKS) {
      const log = await cluster.kubectl('logs', `job/${restoreJobName('again', task)}`, '--all-containers');
      expect(log).toContain('"ok":true');
      for (const value of Object.values(data)) {
        expect(log).not.toContain(value);
        expect(log).not.toContain(Buffer.from(value, 'base64').toString());
      }
    }
  });
});
