import { type BackupResult, FAILURES } from '../../../backup/contract/contract.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { BackupReason } from '../../resource/backupReasons.ts';
import type { BackupPhase, WhatsAppBackup, WhatsAppBackupStatus } from '../../resource/whatsAppBackup.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { PodProblem } from '../facts/observed.ts';
import type { ReleaseImages } from '../facts/release.ts';
import type { PodRelease } from '../render/nodeInputs.ts';
import { endOf } from '../tell/workloadChecks.ts';

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

/** The condition Complete and the phase, over what the status holds already. */
export function told(
  backup: WhatsAppBackup,
  phase: BackupPhase,
  reason: BackupReason,
  message: string,
  nowMs: number,
  more: WhatsAppBackupStatus = {},
): WhatsAppBackupStatus {
  const { progress: _, ...kept } = backup.status ?? {};
  const status = phase === 'Completed' ? 'True' : phase === 'Failed' ? 'False' : 'Unknown';
  return { ...withCondition(backup, 'Complete', { status, reason, message }, nowMs, kept), ...more, phase };
}

export type BackupCondition = 'Complete' | 'Verified';
interface Verdict {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: BackupReason;
  readonly message: string;
}

export const conditionOf = ({ status }: Pick<WhatsAppBackup, 'status'>, type: BackupCondition) =>
  status?.conditions?.find((condition) => condition.type === type);

/** Complete stands first. */
export function withCondition(
  { status: stored, metadata }: WhatsAppBackup,
  type: BackupCondition,
  { status, reason, message }: Verdict,
  nowMs: number,
  kept: WhatsAppBackupStatus = stored ?? {},
): WhatsAppBackupStatus {
  const before = conditionOf({ status: stored }, type);
  const now = {
    type,
    status,
    reason,
    message: message.slice(0, 4096),
    observedGeneration: metadata.generation,
    lastTransitionTime: before?.status === status ? before.lastTransitionTime : new Date(nowMs).toISOString(),
  };
  const others = (stored?.conditions ?? []).filter((condition) => condition.type !== type);
  return {
    ...kept,
    observedGeneration: metadata.generation,
    conditions: type === 'Complete' ? [now, ...others] : [...others, now],
  };
}

/** Why a Job failed; undefined while it has not. */
export function failureOf(
  job: KubeObject,
  report: JobReport | undefined,
): { readonly reason: BackupReason; readonly message: string } | undefined {
  const failure = endOf(job, 'Failed');
  if (!failure) return undefined;
  const { result, problem } = report ?? {};
  if (result && !result.ok)
    return {
      reason: result.code in FAILURES ? (result.code as BackupReason) : 'JobFailed',
      message: result.message,
    };
  const message = [problem?.text, failure.message ?? failure.reason].filter(Boolean).join('; ');
  return { reason: 'JobFailed', message };
}
