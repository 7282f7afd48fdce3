import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { Journal, RestoreEntry } from './journal.ts';
import { ANNOTATION_PREFIX, MANAGED_BY } from './names.ts';

/** On the Jobs of a restore and their pods: the name of the stack. They bear no label of the stack, whose pods they are not. */
export const RESTORE_LABEL = `${ANNOTATION_PREFIX}/restore`;
/** On the Job that reads the Secrets of a backup: a hash of what it was made from, the operator's key among it. */
export const MADE_FROM = `${ANNOTATION_PREFIX}/made-from`;

export const restoreLabels = (stack: string): Record<string, string> => ({
  'app.kubernetes.io/name': 'whatsapp-business-restore',
  [RESTORE_LABEL]: stack,
  ...MANAGED_BY,
});

export type RestoreTask = 'open' | 'restore';
/** One Job opens the backup for the operator, the other one restores the databases. */
export const restoreJobName = (stack: string, task: RestoreTask): string =>
  task === 'open' ? `${stack}-restore-secrets` : `${stack}-restore-databases`;

/** How far a restore is, from the controller that does it. */
export interface RestoreNews {
  readonly task: RestoreTask;
  /** A person must act. */
  readonly isRefused: boolean;
  readonly message: string;
}

/** Which backup a resource asks for. */
export interface BackupChoice {
  /** Below the destination. */
  readonly folder: string;
  readonly backup: string;
}

function chosenBackup({ metadata, spec }: WhatsAppDeployment): BackupChoice | undefined {
  const { restoreFrom } = spec.registration;
  if (!restoreFrom) return undefined;
  const { namespace = metadata.namespace, deployment = metadata.name, backup } = restoreFrom;
  return { folder: `${namespace}/${deployment}`, backup };
}

/**
 * Whether a journal knows of no data yet. It may know the number, and Secrets: those that a restore has brought back are
 * there before their journal is.
 */
export const isBlank = (journal: Journal | undefined): boolean =>
  [journal?.registration, journal?.adminPassword, journal?.schemaVersion, journal?.restore].every(
    (known) => known === undefined,
  );

/** The step of its restore that a stack is at. */
export type RestoreStage =
  | { readonly at: 'Secrets'; readonly choice: BackupChoice }
  | { readonly at: 'Databases'; readonly entry: RestoreEntry }
  /** The stack has data of its own, or of another backup. */
  | { readonly at: 'Refused'; readonly choice: BackupChoice };

/** Undefined for a stack that restores nothing, or has restored everything. */
export function restoreStage(
  resource: WhatsAppDeployment,
  journal: Journal | undefined,
): RestoreStage | undefined {
  const entry = journal?.restore;
  if (entry?.phase === 'Databases') return { at: 'Databases', entry };
  const choice = chosenBackup(resource);
  if (!choice) return undefined;
  if (isBlank(journal)) return { at: 'Secrets', choice };
  const isThisOne = entry?.folder === choice.folder && entry.backup === choice.backup;
  return isThisOne ? undefined : { at: 'Refused', choice };
}

export const named = ({ folder, backup }: BackupChoice): string => `${folder}/${backup}`;
