import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { BACKUP_KIND, type WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import { API_VERSION, type WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import {
  backupScheduleProblem,
  datedName,
  dueBackup,
  SCHEDULED_FOR,
  surplusBackups,
} from '../facts/backups.ts';

/** What the schedule of a stack asks for. */
export interface BackupSchedule {
  /** The scheduled backup that is due. */
  readonly create: readonly KubeObject[];
  /** Backups that retention gives up. */
  readonly expire: readonly WhatsAppBackup[];
  /** Epoch ms when the next one is due. */
  readonly nextMs: number | undefined;
}

/** A stack that is paused, hibernated, going or gone has no schedule. */
export function backupSchedule(
  stack: WhatsAppDeployment | undefined,
  backups: readonly WhatsAppBackup[],
  nowMs: number,
): BackupSchedule {
  const { backup } = stack?.spec ?? {};
  if (
    !stack ||
    !backup ||
    stack.metadata.deletionTimestamp ||
    stack.spec.paused ||
    stack.spec.hibernated ||
    backupScheduleProblem(backup)
  )
    return { create: [], expire: [], nextMs: undefined };
  const { missedMs, nextMs } = dueBackup(stack, backups, nowMs) ?? {};
  return {
    create: missedMs === undefined ? [] : [scheduledBackup(stack, missedMs)],
    expire: surplusBackups(backup, backups, nowMs),
    nextMs,
  };
}

function scheduledBackup({ metadata, spec }: WhatsAppDeployment, dueMs: number): KubeObject {
  const { name, namespace } = metadata;
  return {
    apiVersion: API_VERSION,
    kind: BACKUP_KIND,
    metadata: {
      name: datedName(name, dueMs),
      namespace,
      annotations: { [SCHEDULED_FOR]: new Date(dueMs).toISOString() },
    },
    // Without an owner, and with all that is needed to read it: backups outlive the stack.
    spec: {
      deployment: name,
      destination: spec.backup?.destination,
      encryptionSecretRef: spec.backup?.encryptionSecretRef,
      media: spec.backup?.media,
      deletionPolicy: 'Delete',
    },
  };
}
