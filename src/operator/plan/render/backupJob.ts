import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { ManagedEngine } from '../../resource/managedEngines.ts';
import { BACKUP_KIND, type WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import { API_VERSION } from '../../resource/whatsAppDeployment.ts';
import { backupFolder, backupJobName, backupLabels, verificationJobName } from '../facts/backups.ts';
import { type AgentJobInput, agentJob } from './agentJob.ts';
import type { AgentWork, BackupContent } from './agentWork.ts';

type Common = Pick<AgentJobInput, 'stack' | 'release' | 'offered' | 'destination' | 'encryptionSecret'> & {
  readonly backup: WhatsAppBackup;
};
export interface BackupJobInput extends Common, Omit<BackupContent, 'command'> {
  readonly task: 'run' | 'remove';
}

/** The Job that makes a backup, or removes one. */
export const backupJob = ({ task, media, secrets, serverName, ...input }: BackupJobInput): KubeObject =>
  jobOf(
    input,
    backupJobName(input.backup.metadata.name, task),
    task === 'run' ? { command: 'run', media, secrets, serverName } : { command: 'remove' },
  );

export interface VerificationJobInput extends Common {
  readonly attempt: number;
  readonly engine: ManagedEngine;
}

/** The Job that restores a backup into a server of its own. */
export const verificationJob = ({ attempt, engine, ...input }: VerificationJobInput): KubeObject =>
  jobOf(input, verificationJobName(input.backup.metadata.name, attempt), { command: 'verify', engine });

function jobOf({ backup, ...input }: Common, jobName: string, work: AgentWork): KubeObject {
  const { name, namespace, uid } = backup.metadata;
  return agentJob({
    ...input,
    metadata: {
      name: jobName,
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
    work,
  });
}
