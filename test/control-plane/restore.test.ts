import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { OpenedBackup } from '../../src/backup/contract/openedBackup.ts';
import { systemClock } from '../../src/base/clock.ts';
import { seal } from '../../src/base/sealedBox.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { EMPTY_JOURNAL } from '../../src/operator/plan/facts/journal.ts';
import { RESTORE_LABEL, type RestoreTask, restoreJobName } from '../../src/operator/plan/facts/restore.ts';
import { decodeSecret, type SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import { readJournal } from '../../src/operator/state/journalStore.ts';
import { installCrd, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../support/faultProxy.ts';
import { type Fate, ScriptedKubelet } from '../support/scriptedKubelet.ts';
import { ScriptedStack, volumeFor } from '../support/scriptedStack.ts';

/** The operator's side of a restore on a real API server. The program of the Jobs is played, and so are their logs. */

let client: KubeClient;
let stack: ScriptedStack;
let kubelet: ScriptedKubelet;
let proxy: FaultProxy;

const base64 = (text: string) => Buffer.from(text).toString('base64');
const stored = (...keys: string[]) => Object.fromEntries(keys.map((key) => [key, base64(`stored ${key}`)]));
const JOURNAL = {
  ...EMPTY_JOURNAL,
  number: '+16315550999',
  schemaVersion: 'v2.57.1',
  adminPassword: 'stored password',
  registration: { attempt: 1, phase: 'registered' as const },
};
const backup: OpenedBackup = {
  folder: 'old/lost',
  name: 'last',
  finishedAt: '2026-01-01T00:00:00Z',
  facts: { stack: 'lost', shards: 2, version: 'v2.57.1' },
  engine: 'PGSQL',
  hasMedia: true,
  secrets: {
    'lost-admin': { username: base64('admin'), password: base64('stored password') },
    'lost-keys': stored('jwtKey', 'secret', 'apiKey'),
    'lost-registration': stored('certificate', 'code'),
    'lost-database': stored('username', 'password'),
    'lost-journal': { 'journal.json': base64(JSON.stringify(JOURNAL)) },
  },
};
/** The end of a pod whose program has told this result. */
function ended(exitCode: 0 | 2, result: object): Fate {
  const message = JSON.stringify({ command: 'played', durationMs: 1, ...result });
  return {
    container: { state: { terminated: { exitCode, reason: 'Ended', message } } },
    status: { phase: exitCode === 0 ? 'Succeeded' : 'Failed' },
  };
}
/** What the program tells of the backup. */
let told = backup;
/** How the program that restores the databases ends; well unless told. */
let restoring: Fate | undefined;
/** How the program that restores the media ends. */
let media: Fate | undefined = ended(2, {
  ok: false,
  code: 'MediaUnwritable',
  message: 'the media volume is full; enlarge it',
  retriable: false,
});
/** By name of the pod. */
const logs = new Map<string, string>();

beforeAll(async () => {
  client = await testClient();
  await installCrd(client);
  proxy = await startFaultProxy(await kubeconfigCredentials(systemClock, { path: inject('kubeconfig') }));
  proxy.fault = ({ path }) => {
    const pod = /\/pods\/([^/]+)\/log/.exec(path)?.[1];
    return pod === undefined ? {} : { text: logs.get(pod) ?? '' };
  };
  stack = await ScriptedStack.start(client, async () => proxy.credentials);
  kubelet = ScriptedKubelet.start(client, stack.namespace);
  kubelet.fate = ({ metadata, spec }) => {
    if (!metadata.labels?.[RESTORE_LABEL]) return undefined;
    const [agent] = spec.containers;
    const key = agent?.env?.find(({ name }) => name === 'WABA_BACKUP_READER_KEY')?.value;
    if (key === undefined) return agent?.command?.at(-1) === 'restore-media' ? media : restoring;
    if (!logs.has(metadata.name))
      logs.set(
        metadata.name,
        `${JSON.stringify({ sealed: seal(JSON.stringify(told), key) })}\n{"ok":true}\n`,
      );
    return undefined;
  };
  await create(volumeFor(stack.namespace, 'vault'));
  await create({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'vault', namespace: stack.namespace },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  await stack.create({
    registration: {
      restoreFrom: {
        backup: 'last',
        namespace: 'old',
        deployment: 'lost',
        destination: { claim: { name: 'vault' } },
        encryptionSecretRef: { name: 'vault-key' },
      },
    },
  });
}, 120_000);
afterAll(async () => {
  await stack.close();
  await kubelet.close();
  await proxy.close();
});

const create = (object: object) => client.create(object as KubeObject, { fieldManager: 'test' }, never);
const secret = (name: string) => client.get<SecretObject>(kinds.Secret, stack.namespace, name, never);
const deleteJob = (task: RestoreTask) =>
  client.delete(
    kinds.Job,
    stack.namespace,
    restoreJobName('shop', task),
    { propagation: 'Background' },
    never,
  );
const namesOf = async (kind: keyof typeof kinds) =>
  (await client.list<KubeObject>(kinds[kind], { namespace: stack.namespace }, never)).items.map(
    ({ metadata }) => metadata.name,
  );

describe('a WhatsAppDeployment that begins with a backup', () => {
  it('says what it lacks, and makes nothing', async () => {
    const { message } = await stack.told('DatabaseReady', { reason: 'RestoreRefused' });
    expect(message).toBe(
      'backup old/lost/last: Secret vault-key with key passphrase does not exist; create it',
    );
    await create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'vault-key', namespace: stack.namespace },
      stringData: { passphrase: 'correct horse battery staple' },
    });
  });

  it('refuses a backup that does not fit, names the field, and has still made nothing', async () => {
    const { message } = await eventually(async () => {
      const condition = await stack.condition('DatabaseReady');
      return condition?.message.includes('shards') ? condition : undefined;
    }, 60_000);
    expect(message).toContain('its data has 2 shards, and spec asks for 1');
    expect(await namesOf('StatefulSet')).toEqual([]);
    expect(await namesOf('PersistentVolumeClaim')).toEqual(['vault']);
    expect((await namesOf('Secret')).filter((name) => !['shop-journal', 'vault-key'].includes(name))).toEqual(
      [],
    );
    expect((await stack.read()).status?.phase).toBe('Blocked');
  });

  it('replaces no Secret that somebody else made, and goes on when it is gone', async () => {
    await create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'shop-keys', namespace: stack.namespace },
      stringData: { jwtKey: 'theirs' },
    });
    told = { ...backup, facts: { ...backup.facts, shards: 1 } };
    await deleteJob('open');
    await eventually(async () => {
      const { reason, message } = (await stack.condition('DatabaseReady')) ?? {};
      return reason === 'RestoreRefused' && message?.startsWith('Secret shop-keys exists with other values');
    }, 60_000);
    expect(decodeSecret(await secret('shop-keys'))).toEqual({ jwtKey: 'theirs' });
    await client.delete(kinds.Secret, stack.namespace, 'shop-keys', {}, never);
  });

  it('holds the schema until the databases are there, and tells why they are not', async () => {
    restoring = ended(2, { ok: false, code: 'RestoreFailed', message: 'disk full', retriable: false });
    const failed = await stack.told('SchemaReady', { reason: 'RestoreFailed' }, 60_000);
    expect(failed.message).toBe(
      `disk full; correct the cause and run: kubectl -n ${stack.namespace} delete job shop-restore-databases, which tries again`,
    );
    expect((await secret('shop-keys')).data).toEqual(backup.secrets['lost-keys']);
    expect(decodeSecret(await secret('shop-database')).password).not.toBe('stored password');
    expect((await namesOf('Job')).filter((name) => name.includes('schema'))).toEqual([]);
    expect((await namesOf('StatefulSet')).filter((name) => name.includes('coreapp'))).toEqual([]);
  });

  it('can be given another backup no longer', async () => {
    const change = (restoreFrom: object) => stack.patch({ spec: { registration: { restoreFrom } } });
    await expect(change({ backup: 'other' })).rejects.toThrow('can be set only when the resource is created');
  });

  it('goes on once they are, with the registration of the backup', async () => {
    restoring = undefined;
    await deleteJob('restore');
    await stack.told('SchemaReady', { status: 'True' }, 60_000);
    const journal = readJournal(await secret('shop-journal'));
    expect(journal).toMatchObject({
      registration: { phase: 'registered' },
      adminPassword: 'stored password',
      restore: { phase: 'Media', backup: 'last', jobs: 2 },
    });
    expect((await secret('shop-keys')).data).toEqual(backup.secrets['lost-keys']);
    expect(await stack.events()).toContain('Restored');
  });

  it('runs while its media come back, says why they do not, and counts them', async () => {
    const says = (text: string) =>
      eventually(async () => {
        const { status, message } = (await stack.condition('SchemaReady')) ?? {};
        return status === 'True' && message?.includes(text);
      }, 60_000);
    await says(
      `the media of backup old/lost/last are not restored: the media volume is full; enlarge it; correct the cause and run: kubectl -n ${stack.namespace} delete job shop-restore-media, which tries again`,
    );
    expect(await stack.events()).toContain('MediaNotRestored');
    media = ended(0, { ok: true, media: { restored: 3, kept: 2 }, warnings: [] });
    await deleteJob('media');
    await says('the media of backup old/lost/last are restored: 3 files, and 2 were there already');
    expect(readJournal(await secret('shop-journal')).restore).toMatchObject({ phase: 'Done', jobs: 2 });
  });

  it('keeps its data when the field is removed, and cannot get it again', async () => {
    await stack.patch({ spec: { registration: { restoreFrom: null } } });
    await stack.told('SchemaReady', { status: 'True' });
    await expect(
      stack.patch({ spec: { registration: { restoreFrom: { backup: 'last' } } } }),
    ).rejects.toThrow('can be set only when the resource is created');
  });
});
