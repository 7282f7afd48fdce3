import { describe, expect, it } from 'vitest';
import { whatsAppBackup } from '../../../../test/support/whatsAppBackup.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import { SCHEDULED_FOR } from '../facts/backups.ts';
import { backupCurrent, lastBackup, nextLateMs } from './backupCurrent.ts';

const BACKUP = {
  destination: { claim: { name: 'vault' } },
  encryptionSecretRef: { name: 'vault-key' },
  schedule: '0 3 * * *',
};
const stack = (backup?: object) => whatsAppDeployment({ spec: backup ? { backup } : {} });
const verdict = (backup: object | undefined, backups: readonly WhatsAppBackup[], now: string) => {
  const { status, reason, message } = backupCurrent(stack(backup), backups, Date.parse(now));
  return { is: `${status} ${reason}`, message };
};
const ended = (day: string, phase: string, more: object = {}) =>
  whatsAppBackup(`shop-${day}`, {
    metadata: { annotations: { [SCHEDULED_FOR]: `2026-03-${day}T03:00:00Z` } },
    status: {
      phase,
      completedAt: `2026-03-${day}T03:10:00Z`,
      startedAt: `2026-03-${day}T03:00:30Z`,
      ...more,
    },
  });
const told = (reason: string, message: string) => ({
  conditions: [
    { type: 'Complete', status: 'False', reason, message, lastTransitionTime: '2026-03-10T03:00:00Z' },
  ],
});

describe('BackupCurrent', () => {
  it('is True while nothing is scheduled', () => {
    expect(verdict(undefined, [], '2026-03-10T12:00:00Z').is).toBe('True NotConfigured');
    const { schedule: _, ...onDemand } = BACKUP;
    expect(verdict(onDemand, [], '2026-03-10T12:00:00Z').is).toBe('True NotScheduled');
  });

  it('is True with the backup that was due last, and False an hour after the next one was due', () => {
    const good = ended('10', 'Completed');
    expect(verdict(BACKUP, [good], '2026-03-10T12:00:00Z')).toEqual({
      is: 'True Current',
      message: 'the last good one is shop-10 of 2026-03-10T03:10:00.000Z',
    });
    expect(verdict(BACKUP, [good], '2026-03-11T03:59:00Z').is).toBe('True Current');
    expect(nextLateMs(stack(BACKUP), Date.parse('2026-03-11T03:59:00Z'))).toBe(
      Date.parse('2026-03-11T04:00:00Z'),
    );
    expect(verdict(BACKUP, [good], '2026-03-11T04:00:00Z').is).toBe('False Overdue');
  });

  it('tells why the last one failed and which good one there is', () => {
    const failed = ended('10', 'Failed', told('DestinationFull', 'no space'));
    expect(verdict(BACKUP, [ended('09', 'Completed'), failed], '2026-03-10T12:00:00Z')).toEqual({
      is: 'False LastBackupFailed',
      message:
        'shop-10 failed with DestinationFull: no space; the last good one is shop-09 of 2026-03-09T03:10:00.000Z',
    });
    const later = whatsAppBackup('mine', {
      status: { phase: 'Completed', completedAt: '2026-03-10T11:00:00Z' },
    });
    expect(verdict(BACKUP, [failed, later], '2026-03-10T12:00:00Z').is).toBe('True Current');
  });

  it('tells what holds a backup up, that there is none yet, and that somebody suspended them', () => {
    const waits = ended('10', 'Pending', told('SecretMissing', 'create it'));
    expect(verdict(BACKUP, [waits], '2026-03-10T03:00:10Z')).toEqual({
      is: 'False BackupWaits',
      message: 'shop-10 waits, SecretMissing: create it; there is no good one',
    });
    const young = whatsAppDeployment({
      spec: { backup: BACKUP },
      metadata: { creationTimestamp: '2026-03-10T02:30:00Z' },
    });
    const first = (now: string) => backupCurrent(young, [], Date.parse(now)).reason;
    expect(first('2026-03-10T03:59:00Z')).toBe('NoBackupYet');
    expect(first('2026-03-10T04:00:00Z')).toBe('Overdue');
    expect(verdict({ ...BACKUP, suspend: true }, [], '2026-03-10T03:00:10Z').is).toBe('False Suspended');
    expect(verdict({ ...BACKUP, timeZone: 'Nowhere/At_All' }, [], '2026-03-10T03:00:10Z').message).toContain(
      'is not a cron expression in a known time zone',
    );
  });
});

it('the last backup is the newest good one, with its size and duration', () => {
  const all = [ended('08', 'Completed'), ended('09', 'Completed', { storedBytes: 5 }), ended('10', 'Failed')];
  expect(lastBackup(all)).toEqual({
    name: 'shop-09',
    time: '2026-03-09T03:10:00.000Z',
    bytes: 5,
    durationSeconds: 570,
  });
  expect(lastBackup([])).toBeUndefined();
});
