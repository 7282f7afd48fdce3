import type { BackupResult } from '../../../backup/contract/contract.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { BackupReason } from '../../resource/backupReasons.ts';
import type { BackupPhase, WhatsAppBackup, WhatsAppBackupStatus } from '../../resource/whatsAppBackup.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { PodProblem } from '../facts/observed.ts';
import type { ReleaseImages } from '../facts/release.ts';
import type { PodRelease } from '../render/nodeInputs.ts';

/** What the pods of a Job tell. */
export interface JobReport {
  readonly result: BackupResult | undefined;
  readonly problem: PodProblem | undefined;
  readonly progress: { readonly object: string; readonly bytes: number } | undefined;
}

/** The backups of one stack, and what they depend on. */
export interface BackupsObserved {
  readonly stack: WhatsAppDeployment | undefined;
  /** The release that the stack runs, or, if it has none, that of the operator. */
  readonly release: PodRelease;
  readonly offered: ReleaseImages;
  readonly backups: readonly WhatsAppBackup[];
  /** By name. */
  readonly jobs: ReadonlyMap<string, KubeObject>;
  /** By name of the Job. */
  readonly reports: ReadonlyMap<string, JobReport>;
  /** Whether a Secret has a key. */
  readonly hasKey: (secret: string, key: string) => boolean;
  /** Names of the Secrets that a backup of the stack contains. */
  readonly secrets: readonly string[];
  /** A name that the certificate of the Webapps bears; undefined if they serve none yet. */
  readonly serverName: string | undefined;
  /** Epoch ms. */
  readonly nowMs: number;
}

/** What becomes of one backup now. */
export interface BackupStep {
  readonly status: WhatsAppBackupStatus;
  readonly start?: KubeObject;
  readonly stop?: readonly KubeObject[];
  readonly finalizers?: readonly string[];
}

/** The condition and the phase, over what the status holds already. */
export function told(
  { status, metadata }: WhatsAppBackup,
  phase: BackupPhase,
  reason: BackupReason,
  message: string,
  nowMs: number,
  more: WhatsAppBackupStatus = {},
): WhatsAppBackupStatus {
  const { progress: _, conditions = [], ...kept } = status ?? {};
  const value = phase === 'Completed' ? 'True' : phase === 'Failed' ? 'False' : 'Unknown';
  const before = conditions.find(({ type }) => type === 'Complete');
  return {
    ...kept,
    ...more,
    observedGeneration: metadata.generation,
    phase,
    conditions: [
      {
        type: 'Complete',
        status: value,
        reason,
        message: message.slice(0, 4096),
        observedGeneration: metadata.generation,
        lastTransitionTime:
          before?.status === value ? before.lastTransitionTime : new Date(nowMs).toISOString(),
      },
    ],
  };
}
