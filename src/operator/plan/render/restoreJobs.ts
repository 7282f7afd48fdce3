import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { hashOf } from '../../../engine/kube/ownFields.ts';
import { API_VERSION, KIND, type WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { MADE_FROM, type RestoreTask, restoreJobName, restoreLabels } from '../facts/restore.ts';
import { type AgentJobInput, agentJob } from './agentJob.ts';

/** Which backup, where it is, and the images with which to read it. */
export type RestoreSource = Pick<
  AgentJobInput,
  'folder' | 'backup' | 'release' | 'offered' | 'destination' | 'encryptionSecret'
>;

/** The Job that tells the operator what the backup holds. The key is part of its mark: only who has it can read the answer. */
export function openingJob(stack: WhatsAppDeployment, source: RestoreSource, readerKey: string): KubeObject {
  const job = agentJob({
    ...source,
    stack,
    metadata: metadataOf(stack, 'open'),
    work: { command: 'open', readerKey },
  });
  return {
    ...job,
    metadata: { ...job.metadata, annotations: { [MADE_FROM]: hashOf([job.spec]).slice(0, 16) } },
  };
}

export const restoringJob = (
  stack: WhatsAppDeployment,
  source: RestoreSource,
  overwrite: boolean,
): KubeObject =>
  agentJob({
    ...source,
    stack,
    metadata: metadataOf(stack, 'restore'),
    work: { command: 'restore', overwrite },
  });

export const mediaJob = (stack: WhatsAppDeployment, source: RestoreSource): KubeObject =>
  agentJob({
    ...source,
    stack,
    metadata: metadataOf(stack, 'media'),
    work: { command: 'restore-media' },
  });

function metadataOf({ metadata: { name, namespace, uid } }: WhatsAppDeployment, task: RestoreTask) {
  return {
    name: restoreJobName(name, task),
    namespace,
    labels: restoreLabels(name),
    ownerReferences: [
      { apiVersion: API_VERSION, kind: KIND, name, uid, controller: true, blockOwnerDeletion: true },
    ],
  };
}
