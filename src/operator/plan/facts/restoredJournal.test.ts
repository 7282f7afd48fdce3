import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { type Journal, journalSchema, type RestoreEntry } from './journal.ts';
import { RESTORED, restoredJournal } from './restoredJournal.ts';

const restore: RestoreEntry = {
  phase: 'Databases',
  folder: 'old/shop',
  backup: 'last',
  destination: { claim: { name: 'vault' } },
  encryptionSecret: 'key',
  hasMedia: false,
  jobs: 0,
};
const served = { names: ['old-webapp.old.svc'], notAfter: 5, ca: 'CA', authority: 'a', key: 'k' };
/** A value for every field. */
const journal: Required<Journal> = {
  number: '+16315551000',
  generated: ['old-keys', 'old-database'],
  release: { stack: 'waba-stack:1', database: 'postgres', databaseVersion: '18' } as NonNullable<
    Journal['release']
  >,
  schemaVersion: 'v2.57.1',
  schemaDone: { schema: 'abc' },
  databaseLogin: { username: 'waba', password: 'p' },
  passwordRotation: { request: 'may', phase: 'Done', completedAtMs: 1 },
  rollout: { target: 't', isActive: true, progressAtMs: 1, isStopped: false },
  webappCa: 'CA',
  served,
  coreappRestarts: 2,
  webappRestarts: 3,
  webhookCa: { applied: 'w' },
  settings: { applied: 's' },
  certificate: { applied: 'c' },
  synced: 'y',
  matched: { 'settings.logLevel': 'm' },
  adminPassword: 'admin-password',
  adminPasswordPending: 'pending',
  users: { agent: 'u' },
  twoStepPin: 'pin',
  photo: 'photo',
  providers: { cdn: 'p' },
  shards: { failures: 3 },
  collected: { messages: 7 },
  registration: { attempt: 2, phase: 'registered', registeredAt: '2026-01-01T00:00:00Z' },
  restore: { ...restore, phase: 'Done', backup: 'earlier' },
};
const resource = whatsAppDeployment({});

describe('the journal of a restored stack', () => {
  it('has a decision for every field of a journal', () => {
    expect(Object.keys(RESTORED).sort()).toEqual(Object.keys(journalSchema.shape).sort());
    expect(Object.keys(journal).sort()).toEqual(Object.keys(RESTORED).sort());
  });

  it('keeps what is true of the data, and nothing of the old cluster', () => {
    const restored = restoredJournal(journal, resource, ['shop-keys'], restore);
    for (const [field, decision] of Object.entries(RESTORED) as [keyof Journal, string][]) {
      if (decision === 'keep') expect(restored[field], field).toEqual(journal[field]);
      if (decision === 'drop') expect(restored[field], field).toEqual(journalSchema.parse({})[field]);
    }
    expect(restored).toMatchObject({ generated: ['shop-keys'], restore, webappCa: 'CA', served });
    expect(journalSchema.parse(JSON.parse(JSON.stringify(restored)))).toEqual(restored);
  });

  it('pins the certificate anew that the stack generated', () => {
    const { served: _, ...generated } = journal;
    expect(restoredJournal(generated, resource, [], restore).webappCa).toBeUndefined();
  });

  it('lets the operator sign a certificate for the new name', () => {
    const selfSigned = whatsAppDeployment({ spec: { tls: { selfSigned: {} } } });
    expect(restoredJournal(journal, selfSigned, [], restore).served?.notAfter).toBe(0);
    const same = whatsAppDeployment({
      metadata: { name: 'old', namespace: 'old' },
      spec: { tls: { selfSigned: {} } },
    });
    expect(restoredJournal(journal, same, [], restore).served?.notAfter).toBe(5);
  });
});
