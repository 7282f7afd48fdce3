import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { Journal, RestoreEntry } from './journal.ts';
import { componentOf, isNode } from './names.ts';
import { type Observation, ownedBy } from './observed.ts';

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
  /** The stack runs meanwhile. */
  | { readonly at: 'Media'; readonly entry: RestoreEntry }
  /** The stack has data of its own, or of another backup. */
  | { readonly at: 'Refused'; readonly choice: BackupChoice };

/**
 * Undefined for a stack that restores nothing, or has restored everything. One that has nodes has begun already, also if its
 * journal was lost or cannot be read.
 */
export function restoreStage(
  observed: Pick<Observation, 'resource' | 'journal' | 'children'>,
): RestoreStage | undefined {
  const { resource, journal } = observed;
  const entry = journal?.restore;
  if (entry && entry.phase !== 'Done') return { at: entry.phase, entry };
  const choice = chosenBackup(resource);
  if (!choice) return undefined;
  if (isBlank(journal)) return hasNodes(observed) ? undefined : { at: 'Secrets', choice };
  const isThisOne = entry?.folder === choice.folder && entry.backup === choice.backup;
  return isThisOne ? undefined : { at: 'Refused', choice };
}

/** The task of a stage that has one. */
export const TASKS = { Secrets: 'open', Databases: 'restore', Media: 'media' } as const;

export const hasNodes = (observed: Pick<Observation, 'resource' | 'children'>): boolean =>
  ownedBy(observed, 'StatefulSet').some((set) => isNode(componentOf(set)));

export const named = ({ folder, backup }: BackupChoice): string => `${folder}/${backup}`;
