import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { WhatsAppBackup, WhatsAppBackupStatus } from '../../resource/whatsAppBackup.ts';
import { phaseOf } from '../facts/backups.ts';
import { stepOfMaking } from './backupMaking.ts';
import { stepOfRemoval } from './backupRemoval.ts';
import { backupSchedule } from './backupSchedule.ts';
import { type BackupStep, type BackupsObserved, conditionOf } from './backupStep.ts';

export interface BackupsPlan {
  /** Scheduled backups that are due. */
  readonly create: readonly KubeObject[];
  /** Backups that retention gives up. */
  readonly expire: readonly WhatsAppBackup[];
  readonly start: readonly KubeObject[];
  /** Jobs to delete. */
  readonly stop: readonly KubeObject[];
  /** New finalizers, by backup. */
  readonly finalizers: ReadonlyMap<WhatsAppBackup, readonly string[]>;
  readonly statuses: ReadonlyMap<WhatsAppBackup, WhatsAppBackupStatus>;
  /** Epoch ms when time alone changes the plan. */
  readonly againMs: number | undefined;
}

const LOOK_AGAIN_MS = 10_000;

/** A pure function. Backups of a stack are made one after the other, oldest first. */
export function planBackups(observed: BackupsObserved): BackupsPlan {
  const { stack, backups, nowMs } = observed;
  const inTurn = [...backups].sort(
    (a, b) =>
      Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp) ||
      a.metadata.name.localeCompare(b.metadata.name),
  );
  let running = inTurn.find((backup) => phaseOf(backup) === 'Running' && !backup.metadata.deletionTimestamp);
  const steps = inTurn.map((backup): readonly [WhatsAppBackup, BackupStep] => {
    const step = backup.metadata.deletionTimestamp
      ? stepOfRemoval(backup, observed)
      : stepOfMaking(backup, running === backup ? undefined : running, observed);
    if (step.start && !backup.metadata.deletionTimestamp) running = backup;
    return [backup, step];
  });
  const { create, expire, nextMs } = backupSchedule(stack, backups, nowMs);
  const isWaiting = steps.some(
    ([, { status }]) =>
      ['Pending', 'Running', 'Deleting'].includes(status.phase ?? '') ||
      conditionOf({ status }, 'Verified')?.status === 'Unknown',
  );
  return {
    create,
    expire,
    start: steps.flatMap(([, { start }]) => start ?? []),
    stop: steps.flatMap(([, { stop }]) => stop ?? []),
    finalizers: new Map(
      steps.flatMap(([backup, { finalizers }]) => (finalizers ? [[backup, finalizers] as const] : [])),
    ),
    statuses: new Map(steps.map(([backup, { status }]) => [backup, status])),
    againMs: isWaiting ? Math.min(nowMs + LOOK_AGAIN_MS, nextMs ?? Infinity) : nextMs,
  };
}
