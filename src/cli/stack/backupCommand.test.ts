import { beforeEach, describe, expect, it } from 'vitest';
import { runWaba } from '../../../test/support/cliRun.ts';
import { FakeCluster } from '../../../test/support/fakeCluster.ts';
import { whatsAppBackup } from '../../../test/support/whatsAppBackup.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';

const BACKUPS = '/apis/waba-operator.dev/v1alpha1/namespaces/default/whatsappbackups';
const CONFIGURED = {
  backup: { destination: { claim: { name: 'vault' } }, encryptionSecretRef: { name: 'vault-key' } },
};

let cluster: FakeCluster;
const waba = (...args: string[]) => runWaba(args, { cluster });
const backupOf = (name: string) =>
  cluster.find(`${BACKUPS}/${name}`) as KubeObject & { readonly spec: object };
beforeEach(() => {
  cluster = new FakeCluster(whatsAppDeployment({ spec: CONFIGURED }));
});

const told = (phase: string, reason: string, message: string, more: object = {}) => ({
  phase,
  conditions: [{ type: 'Complete', status: 'Unknown', reason, message, lastTransitionTime: '' }],
  ...more,
});
const GOOD = told('Completed', 'Completed', 'the backup is complete', {
  storedBytes: 2048,
  plainBytes: 8192,
  startedAt: '2026-11-27T03:00:00Z',
  completedAt: '2026-11-27T03:00:12Z',
  databases: ['configStore', 'messageStore'],
  location: 'PersistentVolumeClaim vault',
});

/** The operator reports these statuses of the backup `now`, one after the other. */
function operatorReports(...statuses: readonly (object | undefined)[]): void {
  let turn = 0;
  cluster.onRequest = ({ method, path }) => {
    if (method !== 'GET' || path !== `${BACKUPS}/now`) return;
    const { spec } = backupOf('now');
    const status = statuses[Math.min(turn++, statuses.length - 1)];
    cluster.put(whatsAppBackup('now', { spec, ...(status ? { status } : {}) }));
  };
}

describe('kubectl waba backup', () => {
  it('makes a backup with the configuration of the stack, follows it, and tells what was stored', async () => {
    const progress = { object: 'database/messageStore.dump.age', bytes: 1536 };
    operatorReports(undefined, told('Running', 'Running', 'writing', { progress }), GOOD);
    const { code, stdout, stderr } = await waba('backup', 'shop', '--name', 'now');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.trimEnd().split('\n')).toEqual([
      'WhatsAppBackup now created',
      'waiting for the operator',
      'Running: writing database/messageStore.dump.age, 1.5 KiB so far',
      'now is complete: 2.0 KiB stored, 8.0 KiB before encryption, in 12 s',
      'databases: configStore, messageStore',
      'stored in: PersistentVolumeClaim vault, folder default/shop/now',
    ]);
    expect(backupOf('now').spec).toMatchObject({ deployment: 'shop', media: false, ...CONFIGURED.backup });
  });

  it('takes destination, passphrase and media from its options before those of the stack', async () => {
    const flags = ['--claim', 'other', '--passphrase-secret', 'key', '--media', '--no-wait'];
    const { code, stdout } = await waba('backup', 'shop', '--name', 'now', ...flags);
    expect(code).toBe(0);
    expect(stdout).toContain('`kubectl waba backup list shop` shows how far it is');
    expect(backupOf('now').spec).toEqual({
      deployment: 'shop',
      destination: { claim: { name: 'other' } },
      encryptionSecretRef: { name: 'key' },
      media: true,
    });
  });

  it('names the backup after the stack and the time', async () => {
    const { stdout } = await waba('backup', 'shop', '--no-wait');
    expect(stdout).toMatch(/^WhatsAppBackup shop-\d{8}-\d{6} created\n/);
  });

  it('creates nothing while nothing says where to store it, and shows how to say it', async () => {
    cluster = new FakeCluster(whatsAppDeployment());
    const { code, stderr } = await waba('backup', 'shop', '--name', 'now');
    expect(code).toBe(1);
    expect(stderr).toContain('error: set spec.backup.destination or --claim; for example');
    expect(stderr).toContain('kubectl -n default patch wad shop --type merge -p');
    expect((await waba('backup', 'shop', '--claim', 'vault')).stderr).toContain(
      'set spec.backup.encryptionSecretRef or --passphrase-secret',
    );
    expect((await waba('backup', 'list')).stdout).toContain('no WhatsAppBackup');
  });

  it('ends with 1, the cause and what to do when the backup fails', async () => {
    operatorReports(told('Failed', 'DestinationFull', 'the volume has no space left'));
    const { code, stdout, stderr } = await waba('backup', 'shop', '--name', 'now');
    expect([code, stdout]).toEqual([1, 'WhatsAppBackup now created\n']);
    expect(stderr).toMatch(
      /^error: the backup now failed, DestinationFull: the volume has no space left\nwhat to do: Enlarge it, /,
    );
  });

  it('fails with the cause also where the table knows nothing to do, or not the reason', async () => {
    for (const reason of ['DatabaseMissing', 'FromTheFuture']) {
      operatorReports(told('Failed', reason, 'why'));
      cluster.put(whatsAppBackup('now'));
      const { stderr } = await waba('backup', 'shop', '--name', 'now');
      expect(stderr).toBe(`error: the backup now failed, ${reason}: why\n`);
    }
  });

  it('ends when somebody deletes the backup meanwhile', async () => {
    operatorReports(told('Deleting', 'Removing', 'stopping the Job that makes the backup'));
    const { code, stderr } = await waba('backup', 'shop', '--name', 'now');
    expect([code, stderr]).toEqual([
      1,
      'error: somebody deleted the backup now: stopping the Job that makes the backup\n',
    ]);
  });

  it('leaves the backup going on Ctrl-C, and says so', async () => {
    operatorReports(told('Running', 'Running', 'the Job runs'));
    const stop = new AbortController();
    const { code, stdout } = await runWaba(['backup', 'shop', '--name', 'now'], {
      cluster,
      signal: stop.signal,
      onOutput: (output) => output.includes('the Job runs') && stop.abort(),
    });
    expect(code).toBe(130);
    expect(stdout).toContain('the operator goes on with the backup now');
  });

  it('backs up a stack with the name of a subcommand in the long form', async () => {
    const metadata = { ...whatsAppDeployment().metadata, name: 'list' };
    cluster.put({ ...whatsAppDeployment({ spec: CONFIGURED }), metadata });
    expect((await waba('backup', 'create', 'list', '--name', 'now', '--no-wait')).code).toBe(0);
    expect(backupOf('now').spec).toMatchObject({ deployment: 'list' });
  });
});

describe('kubectl waba backup list', () => {
  beforeEach(() => {
    cluster.put(
      whatsAppBackup('old', { metadata: { creationTimestamp: '2025-01-01T00:00:00Z' }, status: GOOD }),
    );
    cluster.put(whatsAppBackup('new'));
    cluster.put(whatsAppBackup('foreign', { spec: { deployment: 'other' } }));
  });

  it('shows the backups of a stack, newest first', async () => {
    const { stdout } = await waba('backup', 'list', 'shop');
    const cells = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/\s{2,}/));
    expect(cells.map((row) => row.slice(0, 5))).toEqual([
      ['NAME', 'STACK', 'PHASE', 'REASON', 'SIZE'],
      ['new', 'shop', 'Pending', '-', '-'],
      ['old', 'shop', 'Completed', 'Completed', '2.0 KiB'],
    ]);
    expect(cells[2]?.[5]).toMatch(/^\d+d$/);
    expect((await waba('backup', 'list')).stdout).toContain('foreign');
    expect((await waba('backup', 'list', 'gone')).stdout).toContain(
      'no WhatsAppBackup of gone in namespace default',
    );
  });

  it('shows what the last verification found, and when', async () => {
    const verified = (name: string, status: string, reason: string, completedAt?: string) =>
      cluster.put(
        whatsAppBackup(name, {
          status: {
            ...GOOD,
            conditions: [
              ...GOOD.conditions,
              { type: 'Verified', status, reason, message: '', lastTransitionTime: '' },
            ],
            verification: { attempt: 1, completedAt },
          },
        }),
      );
    verified('bad', 'False', 'BackupCorrupted', '2025-02-01T00:00:00Z');
    verified('good', 'True', 'Verified', '2025-02-01T00:00:00Z');
    verified('soon', 'Unknown', 'Verifying');
    const { stdout } = await waba('backup', 'list', 'shop');
    const found = Object.fromEntries(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/\s{2,}/))
        .map((cells) => [cells[0], cells[6]]),
    );
    expect(found).toEqual({
      NAME: 'VERIFIED',
      new: '-',
      old: '-',
      bad: expect.stringMatching(/^BackupCorrupted, \d+d ago$/),
      good: expect.stringMatching(/^good, \d+d ago$/),
      soon: 'Verifying',
    });
    const listed = JSON.parse((await waba('backup', 'list', 'shop', '-o', 'json')).stdout) as {
      name: string;
      verification?: object;
    }[];
    const bad = listed.find(({ name }) => name === 'bad');
    expect(bad?.verification).toEqual({
      verified: false,
      reason: 'BackupCorrupted',
      completed: '2025-02-01T00:00:00Z',
    });
    expect(listed.find(({ name }) => name === 'new')).not.toHaveProperty('verification');
  });

  it('prints JSON for programs', async () => {
    const listed = JSON.parse((await waba('backup', 'list', 'shop', '-o', 'json')).stdout) as object[];
    expect(listed[1]).toEqual({
      name: 'old',
      namespace: 'default',
      stack: 'shop',
      phase: 'Completed',
      reason: 'Completed',
      message: 'the backup is complete',
      bytes: 2048,
      created: '2025-01-01T00:00:00Z',
      completed: '2026-11-27T03:00:12Z',
      location: 'PersistentVolumeClaim vault',
      warnings: [],
    });
  });
});
