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

/** One Job opens the backup for the operator, the next one restores the databases, the last one the media. */
export const RESTORE_TASKS = ['open', 'restore', 'media'] as const;
export type RestoreTask = (typeof RESTORE_TASKS)[number];
const SUBJECTS = { open: 'secrets', restore: 'databases', media: 'media' } as const;
export const restoreJobName = (stack: string, task: RestoreTask): string =>
  `${stack}-restore-${SUBJECTS[task]}`;

/** How far a restore is, from the controller that does it. */
export interface RestoreNews {
  readonly task: RestoreTask;
  /** A person must act. */
  readonly isRefused: boolean;
  readonly message: string;
}
