import * as z from 'zod';
import { backupFacts } from './contract.ts';

/** What `waba-backup open` tells the operator of a backup, sealed for the operator's key: the log shows a line of base64. */
export const openedBackup = z.object({
  folder: z.string(),
  name: z.string(),
  /** RFC 3339. */
  finishedAt: z.string(),
  facts: backupFacts,
  engine: z.enum(['PGSQL', 'MYSQL']),
  hasMedia: z.boolean(),
  /** The `data` of each Secret, by name: values in base64. */
  secrets: z.record(z.string(), z.record(z.string(), z.string())),
});
export type OpenedBackup = z.output<typeof openedBackup>;

/** The line of stdout that holds it. */
export const sealedLine = z.object({ sealed: z.string() });
