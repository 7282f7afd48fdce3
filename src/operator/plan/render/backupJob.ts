import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { BACKUP_KIND, type WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import { API_VERSION } from '../../resource/whatsAppDeployment.ts';
import { type BackupTask, backupFolder, backupJobName, backupLabels } from '../facts/backups.ts';
import { type AgentJobInput, agentJob, type BackupContent } from './agentJob.ts';

export interface BackupJobInput
  extends Pick<AgentJobInput, 'stack' | 'release' | 'offered' | 'destination' | 'encryptionSecret'>,
    Omit<BackupContent, 'command'> {
  readonly task: BackupTask;
  readonly backup: WhatsAppBackup;
}

/** The Job that makes a backup, or removes one. */
export function backupJob({
  task,
  backup,
  media,
  secrets,
  serverName,
  ...input
}: BackupJobInput): KubeObject {
  const { name, namespace, uid } = backup.metadata;
  return agentJob({
    ...input,
    metadata: {
      name: backupJobName(name, task),
      namespace,
      labels: backupLabels(name),
      ownerReferences: [
        {
          apiVersion: API_VERSION,
          kind: BACKUP_KIND,
          name,
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    folder: backupFolder(backup),
    backup: name,
    work: task === 'run' ? { command: 'run', media, secrets, serverName } : { command: 'remove' },
  });
}
