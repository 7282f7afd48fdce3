import { describe, expect, it } from 'vitest';
import { applied, release, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { EMPTY_JOURNAL, type Journal, type RestoreEntry } from '../facts/journal.ts';
import type { ReferencedSecret } from '../facts/observed.ts';
import { MADE_FROM, type RestoreNews, restoreJobName } from '../facts/restore.ts';
import { planRestore, type RestoreObserved } from './restore.ts';
import type { BackupSeen } from './restoredSecrets.ts';
import { planWorkloads } from './workloads.ts';

const restoreFrom = {
  backup: 'last',
  namespace: 'old',
  deployment: 'lost',
  destination: { claim: { name: 'vault' } },
  encryptionSecretRef: { name: 'vault-key' },
};
const condition = (type: string, reason: string) => ({
  type,
  status: 'False',
  reason,
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
  observedGeneration: 1,
});
const WAITS = {
  Secrets: condition('DatabaseReady', 'Restoring'),
  Databases: condition('SchemaReady', 'Restoring'),
};

interface Changes {
  readonly spec?: object;
  readonly restoreFrom?: object;
  readonly metadata?: object;
  readonly conditions?: readonly object[];
}
const stack = ({
  spec,
  restoreFrom: from = restoreFrom,
  metadata,
  conditions = [WAITS.Secrets],
}: Changes = {}) =>
  whatsAppDeployment({
    ...(metadata ? { metadata } : {}),
    spec: { registration: { restoreFrom: from }, ...spec },
    status: { conditions },
  });
const secret = (name: string, data: Record<string, string>): readonly [string, ReferencedSecret] => [
  name,
  { name, data },
];
const base64 = (text: string) => Buffer.from(text).toString('base64');
const stored = (...keys: string[]) => Object.fromEntries(keys.map((key) => [key, base64(`stored ${key}`)]));

const journal: Journal = {
  ...EMPTY_JOURNAL,
  number: '+16315551000',
  schemaVersion: 'v2.57.1',
  registration: { attempt: 1, phase: 'registered' },
};
function seen(changes: Partial<BackupSeen['opened']> = {}, of: Journal | undefined = journal): BackupSeen {
  return {
    opened: {
      folder: 'old/lost',
      name: 'last',
      finishedAt: '2026-01-01T00:00:00Z',
      facts: { stack: 'lost', shards: 1, version: 'v2.57.1', number: '+16*****1000' },
      engine: 'PGSQL',
      hasMedia: false,
      secrets: {
        'lost-admin': stored('username', 'password'),
        'lost-keys': stored('jwtKey', 'secret', 'apiKey'),
        'lost-registration': stored('certificate', 'code'),
        'lost-database': stored('username', 'password'),
        'lost-journal': stored('journal.json'),
      },
      ...changes,
    },
    journal: of,
  };
}

const NOTHING_TOLD = { result: undefined, problem: undefined, progress: undefined };
function observed(changes: Partial<RestoreObserved> = {}): RestoreObserved {
  return {
    resource: stack(),
    journal: undefined,
    children: new Map(),
    referenced: new Map([secret('vault-key', { passphrase: 'p' })]),
    job: undefined,
    report: NOTHING_TOLD,
    seen: undefined,
    isLost: false,
    readerKey: 'K'.repeat(43),
    release: { ...release, databaseVersion: '18', databaseTls: true },
    offered: release,
    ...changes,
  };
}

type JobEnd = 'Complete' | 'Failed';
/** The Job that the plan starts, as the cluster has it then. */
function withJob(end: JobEnd | undefined, changes: Partial<RestoreObserved> = {}): RestoreObserved {
  const before = observed(changes);
  const started = planRestore(before)?.start;
  if (!started) throw new Error('no Job starts');
  const status = end ? { conditions: [{ type: end, status: 'True', message: 'BackoffLimitExceeded' }] } : {};
  return { ...before, job: { ...started, status } as KubeObject };
}
const entry: RestoreEntry = {
  phase: 'Databases',
  folder: 'old/lost',
  backup: 'last',
  destination: restoreFrom.destination,
  encryptionSecret: 'vault-key',
  hasMedia: false,
  jobs: 0,
};
const inDatabases = (spec?: object): Partial<RestoreObserved> => ({
  resource: stack({ conditions: [WAITS.Databases], ...(spec ? { spec } : {}) }),
  journal: { ...journal, restore: entry },
});
const inMedia = (restore: Partial<RestoreEntry> = {}): Partial<RestoreObserved> => ({
  resource: stack({ conditions: [{ ...condition('SchemaReady', 'Upgraded'), status: 'True' }] }),
  journal: { ...journal, restore: { ...entry, phase: 'Media', hasMedia: true, jobs: 1, ...restore } },
});
const agentOf = (job: KubeObject | undefined) => {
  if (!job) throw new Error('no Job starts');
  const { template } = job.spec as {
    template: {
      spec: { containers: { name: string; command: string[]; env: { name: string; value?: string }[] }[] };
    };
  };
  const { containers } = template.spec;
  const variables = Object.fromEntries((containers[0]?.env ?? []).map(({ name, value }) => [name, value]));
  return { containers: containers.map(({ name }) => name), command: containers[0]?.command, variables };
};

describe('a stack that begins with a backup', () => {
  it('makes nothing before the Secrets of the backup are there, whatever the plan is asked', () => {
    const model = new StackModel(stack());
    const plan = planWorkloads(model.observed({ journal: undefined }), release);
    expect(plan.generate).toEqual([]);
    expect(applied(plan)).toEqual([]);
    expect(plan.steps.map(({ verdict }) => [verdict.type, verdict.reason])).toEqual([
      ['SpecValid', 'Valid'],
      ['DatabaseReady', 'Restoring'],
      ['SchemaReady', 'Waiting'],
      ['WorkloadsReady', 'Waiting'],
      ['Exposed', 'Waiting'],
    ]);
  });

  it('makes nothing either while its Secrets come back one by one, which the journal remembers', () => {
    const model = new StackModel(stack());
    const halfway = { ...EMPTY_JOURNAL, number: '+16315551000', generated: ['shop-admin', 'shop-keys'] };
    const plan = planWorkloads(model.observed({ journal: halfway }), release);
    expect(plan.steps[1]?.verdict.reason).toBe('Restoring');
    expect(plan.generate).toEqual([]);
    expect(planRestore({ ...withJob('Complete'), journal: halfway, seen: seen() })?.bring).toBeDefined();
  });

  it('does not begin while another stack has the number', () => {
    const other = whatsAppDeployment({
      metadata: { name: 'other', uid: 'u0', creationTimestamp: '2025-01-01T00:00:00Z' },
    });
    const model = new StackModel(stack());
    const plan = planWorkloads(
      model.observed({ journal: undefined, sameNumber: [model.resource, other] }),
      release,
    );
    expect(plan.steps[0]?.verdict.reason).toBe('NumberInUse');
    expect(plan.steps[1]?.verdict.reason).toBe('Waiting');
    expect(planRestore(observed({ resource: stack({ conditions: [] }) }))).toBeUndefined();
  });

  it('holds the schema Job until the databases are restored, and goes on then', () => {
    const model = new StackModel(stack());
    model.journal = { ...journal, restore: entry };
    const held = model.settle();
    expect(held.steps.map(({ verdict }) => [verdict.type, verdict.reason])).toEqual([
      ['SpecValid', 'Valid'],
      ['DatabaseReady', 'Ready'],
      ['SchemaReady', 'Restoring'],
      ['WorkloadsReady', 'Waiting'],
      ['Exposed', 'Waiting'],
    ]);
    expect([...model.children.values()].filter(({ kind }) => kind === 'Job')).toEqual([]);
    expect(model.children.has('StatefulSet/shop-coreapp-0')).toBe(false);
    model.journal = { ...model.journal, restore: { ...entry, phase: 'Done' } };
    const done = model.settle();
    expect(done.steps.every(({ verdict }) => verdict.status === 'True')).toBe(true);
  });

  it('holds the schema Job of an external database too, once its check has passed', () => {
    const login = secret('login', { username: 'u', password: 'p' });
    const spec = {
      registration: { restoreFrom },
      database: { external: { host: 'db.example', credentialsSecretRef: { name: 'login' } } },
    };
    const model = new StackModel(stack({ spec }), new Map([login]));
    model.journal = { ...journal, restore: entry };
    const { steps } = model.settle();
    expect(steps[2]?.verdict).toMatchObject({ type: 'SchemaReady', reason: 'Restoring' });
    const jobs = [...model.children.values()].filter(({ kind }) => kind === 'Job');
    expect(jobs.map(({ metadata }) => metadata.name).filter((name) => name.includes('schema'))).toEqual([]);
    expect(steps[1]?.open).toBe(true);
  });

  it('goes on as it is if it has nodes, though its journal was lost or cannot be read', () => {
    const model = new StackModel(stack());
    model.journal = { ...journal, restore: { ...entry, phase: 'Done' } };
    model.settle();
    const plan = planWorkloads(model.observed({ journal: undefined }), release);
    expect(plan.steps[1]?.verdict.reason).toBe('Ready');
    expect(planRestore(observed({ children: model.children }))).toBeUndefined();
  });

  it('with data of its own restores nothing, and says so', () => {
    const model = new StackModel(stack());
    const plan = planWorkloads(
      model.observed({ journal: { ...journal, generated: ['shop-keys'] } }),
      release,
    );
    expect(plan.steps[1]?.verdict).toMatchObject({ type: 'DatabaseReady', reason: 'RestoreRefused' });
    expect(plan.steps[1]?.verdict.message).toContain('remove spec.registration.restoreFrom');
    expect(applied(plan)).toEqual([]);
    expect(planRestore(observed({ journal }))).toBeUndefined();
  });

  it('of another backup than the one that it began with restores nothing', () => {
    const model = new StackModel(stack());
    const plan = planWorkloads(
      model.observed({ journal: { ...journal, restore: { ...entry, backup: 'other', phase: 'Done' } } }),
      release,
    );
    expect(plan.steps[1]?.verdict.reason).toBe('RestoreRefused');
  });
});

describe('the Secrets of a backup', () => {
  it('are read by a Job that has no database, no ServiceAccount of the stack, and the key of the operator', () => {
    const start = planRestore(observed())?.start;
    const { containers, command, variables } = agentOf(start);
    expect(containers).toEqual(['agent']);
    expect(command?.at(-1)).toBe('open');
    expect(variables).toMatchObject({
      WABA_BACKUP_FOLDER: 'old/lost',
      WABA_BACKUP_NAME: 'last',
      WABA_BACKUP_READER_KEY: 'K'.repeat(43),
    });
    expect(Object.keys(variables).filter((name) => name.startsWith('WA_DB'))).toEqual([]);
    expect(JSON.stringify(start)).not.toContain('serviceAccountName');
  });

  it.each([
    [
      'destination',
      { ...restoreFrom, destination: undefined },
      'set spec.registration.restoreFrom.destination',
    ],
    ['passphrase', { ...restoreFrom, encryptionSecretRef: undefined }, 'restoreFrom.encryptionSecretRef'],
    ['Secret', { ...restoreFrom, encryptionSecretRef: { name: 'gone' } }, 'Secret gone with key passphrase'],
  ])('are not read without a %s, and the message says what to set', (_, from, message) => {
    const plan = planRestore(observed({ resource: stack({ restoreFrom: from }) }));
    expect(plan?.news).toMatchObject({ isRefused: true, message: expect.stringContaining(message) });
    expect(plan?.start).toBeUndefined();
  });

  it('are where spec.backup says unless restoreFrom says otherwise', () => {
    const { namespace, deployment, backup } = restoreFrom;
    const plan = planRestore(
      observed({
        resource: stack({
          restoreFrom: { namespace, deployment, backup },
          spec: {
            registration: { restoreFrom: { namespace, deployment, backup } },
            backup: { destination: { claim: { name: 'other' } }, encryptionSecretRef: { name: 'vault-key' } },
          },
        }),
      }),
    );
    expect(JSON.stringify(plan?.start)).toContain('"claimName":"other"');
  });

  it('are not read for a stack whose volume may hold data', () => {
    const claim = { kind: 'PersistentVolumeClaim', metadata: { name: 'shop-database' } } as KubeObject;
    const plan = planRestore(
      observed({ children: new Map([['PersistentVolumeClaim/shop-database', claim]]) }),
    );
    expect(plan?.news).toMatchObject({
      isRefused: true,
      message: expect.stringContaining('exists and may hold data'),
    });
  });

  it('come back under the new name, without those of the old server, and the journal with them', () => {
    const plan = planRestore({ ...withJob('Complete'), seen: seen() });
    expect(plan?.bring?.secrets.map(({ name }) => name)).toEqual([
      'shop-admin',
      'shop-keys',
      'shop-registration',
    ]);
    expect(plan?.bring?.secrets[1]?.data).toEqual(stored('jwtKey', 'secret', 'apiKey'));
    expect(plan?.bring?.journal).toMatchObject({
      generated: ['shop-admin', 'shop-keys', 'shop-registration'],
      registration: { phase: 'registered' },
      restore: entry,
    });
  });

  const MISFITS: readonly (readonly [string, object, BackupSeen, string])[] = [
    ['shards', { multiconnect: { shards: 2 } }, seen(), 'set spec.multiconnect.shards to 1'],
    ['engine', { database: { managed: { engine: 'MariaDB' } } }, seen(), 'dumps are for PostgreSQL'],
    [
      'schema',
      {},
      seen({}, { ...journal, schemaVersion: 'v2.99.0' }),
      'set spec.version to v2.99.0 or later',
    ],
    ['number', { phoneNumber: '+16315552000' }, seen(), 'spec.phoneNumber is another one'],
    [
      'number of an early journal',
      { phoneNumber: '+16315552000' },
      seen({}, EMPTY_JOURNAL),
      'is of the number +16*****1000',
    ],
    ['journal', {}, { ...seen(), journal: undefined }, 'lacks the journal'],
    [
      'keys',
      {},
      seen({ secrets: { 'lost-admin': stored('username', 'password') } }),
      'all keys of shop-keys',
    ],
  ];
  it.each(MISFITS)('of another %s are not written', (_, spec, told, message) => {
    const resource = stack({ spec: { registration: { restoreFrom }, ...spec } });
    const plan = planRestore({ ...withJob('Complete', { resource }), seen: told });
    expect(plan?.news).toMatchObject({ isRefused: true, message: expect.stringContaining(message) });
    expect(plan?.bring).toBeUndefined();
  });

  it('are read anew by a process with another key, and after the pod of a Job is gone', () => {
    const other = { ...withJob('Complete'), readerKey: 'L'.repeat(43) };
    expect(planRestore(other)?.stop?.metadata.name).toBe(restoreJobName('shop', 'open'));
    const lost = planRestore({ ...withJob('Complete'), isLost: true });
    expect(lost?.stop?.metadata.annotations?.[MADE_FROM]).toBeDefined();
    expect(planRestore(withJob('Complete'))).toMatchObject({ news: { isRefused: false } });
  });

  it('that cannot be read tell why, and how to try again', () => {
    const failed = withJob('Failed');
    const result = {
      ok: false as const,
      command: 'open',
      code: 'PassphraseWrong',
      message: 'the passphrase is wrong',
      retriable: false,
      durationMs: 1,
    };
    const report = { ...NOTHING_TOLD, result };
    expect(planRestore({ ...failed, report })?.news).toEqual({
      task: 'open',
      isRefused: true,
      message:
        'the passphrase is wrong; correct the cause and run: kubectl -n default delete job shop-restore-secrets, which tries again',
    });
  });

  it('are left alone while the stack is paused, only planned, or deleted', () => {
    const paused = stack({ spec: { registration: { restoreFrom }, paused: true } });
    const planned = stack({ metadata: { annotations: { 'waba-operator.dev/plan': 'only' } } });
    const deleted = stack({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } });
    for (const resource of [paused, planned, deleted])
      expect(planRestore(observed({ resource }))).toBeUndefined();
  });
});

describe('the databases of a backup', () => {
  it('are restored beside the tools of the database once it answers, from where the restore began', () => {
    const { spec } = { spec: { registration: {} } };
    const start = planRestore(observed(inDatabases(spec)))?.start;
    const { containers, command, variables } = agentOf(start);
    expect(containers).toEqual(['agent', 'dump']);
    expect(command?.at(-1)).toBe('restore');
    expect(variables.WABA_BACKUP_FOLDER).toBe('old/lost');
    const early = {
      ...inDatabases(),
      resource: stack({ conditions: [condition('SchemaReady', 'Waiting')] }),
    };
    expect(planRestore(observed(early))).toBeUndefined();
  });

  it('replace in a managed database what an earlier Job left, and never anything on the first try', () => {
    const overwrites = (jobs: number) => {
      const changes = { ...inDatabases(), journal: { ...journal, restore: { ...entry, jobs } } };
      return agentOf(planRestore(observed(changes))?.start).variables.WABA_BACKUP_OVERWRITE;
    };
    expect([0, 1, 2].map(overwrites)).toEqual([undefined, '1', '1']);
  });

  const external = {
    database: {
      external: { host: 'db.example', credentialsSecretRef: { name: 'login' }, name: 'shop_' },
    },
  };
  it('never replace tables of an external database, and say what to drop', () => {
    const restore = { ...entry, jobs: 1 };
    const changes = {
      ...inDatabases({ registration: { restoreFrom }, ...external }),
      journal: { ...journal, restore },
    };
    const { variables } = agentOf(planRestore(observed(changes))?.start);
    expect(variables.WABA_BACKUP_OVERWRITE).toBeUndefined();
    const result = {
      ok: false as const,
      command: 'restore',
      code: 'DatabaseNotEmpty',
      message: 'database shop_configStore holds 3 tables',
      retriable: false,
      durationMs: 1,
    };
    const report = { ...NOTHING_TOLD, result };
    const { news } = planRestore({ ...withJob('Failed', changes), report }) ?? {};
    expect(news?.message).toContain('drop the databases whose names begin with shop_');
  });

  it('are done when the Job is complete', () => {
    expect(planRestore(withJob('Complete', inDatabases()))).toMatchObject({
      end: { phase: 'Databases' },
    });
    expect(planRestore(withJob(undefined, inDatabases()))).toMatchObject({
      news: { task: 'restore', isRefused: false },
    });
  });
});

describe('the media of a backup', () => {
  it('are written by a Job into the volume of the stack, once the stack starts', () => {
    const start = planRestore(observed(inMedia()))?.start;
    const { containers, command, variables } = agentOf(start);
    expect(start?.metadata.name).toBe('shop-restore-media');
    expect(containers).toEqual(['agent']);
    expect(command?.at(-1)).toBe('restore-media');
    expect(variables).toMatchObject({ WABA_BACKUP_FOLDER: 'old/lost', WABA_BACKUP_MEDIA_FOLDER: '/media' });
    expect(Object.keys(variables).filter((name) => name.startsWith('WA_DB'))).toEqual([]);
    expect(start?.spec).toMatchObject({
      template: {
        spec: {
          volumes: expect.arrayContaining([
            { name: 'media', persistentVolumeClaim: { claimName: 'shop-media' } },
          ]),
        },
      },
    });
    const early = { ...inMedia(), resource: stack({ conditions: [condition('SchemaReady', 'Upgrading')] }) };
    expect(planRestore(observed(early))).toBeUndefined();
  });

  it('end the restore with their count', () => {
    const result = {
      ok: true as const,
      command: 'restore-media',
      durationMs: 1,
      warnings: [],
      media: { restored: 3, kept: 1 },
    };
    const report = { ...NOTHING_TOLD, result };
    const plan = planRestore({ ...withJob('Complete', inMedia()), report });
    expect(plan?.end).toEqual({ phase: 'Media', media: { restored: 3, kept: 1 } });
  });

  it('do not keep the stack from running, which tells how far they are', () => {
    const model = new StackModel(stack());
    model.journal = { ...journal, restore: { ...entry, phase: 'Media', hasMedia: true } };
    const told = (restore?: RestoreNews) => {
      const { steps } = planWorkloads(model.observed({ restore }), release);
      expect(steps.every(({ verdict }) => verdict.status === 'True')).toBe(true);
      return steps[2]?.verdict.message;
    };
    model.settle();
    expect(told()).toBe(
      'the schema is up to date; the media of backup old/lost/last come back while the stack runs',
    );
    const news = { task: 'media' as const, isRefused: true, message: 'the media volume is full' };
    expect(told(news)).toMatch(
      /the media of backup old\/lost\/last are not restored: the media volume is full$/,
    );
    const done = { ...entry, phase: 'Done' as const, hasMedia: true, media: { restored: 3, kept: 1 } };
    model.journal = { ...model.journal, restore: done };
    expect(told()).toMatch(
      /the media of backup old\/lost\/last are restored: 3 files, and 1 were there already$/,
    );
  });
});
