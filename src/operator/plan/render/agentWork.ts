import type { ManagedEngine } from '../../resource/managedEngines.ts';

/** What the program does with a backup. */
export type AgentWork =
  | BackupContent
  | { readonly command: 'remove' }
  /** Tells the operator what the backup holds, sealed for a key. */
  | { readonly command: 'open'; readonly readerKey: string }
  | { readonly command: 'restore'; readonly overwrite: boolean }
  | { readonly command: 'restore-media' }
  /** Restores into a server that lives as long as the pod. */
  | { readonly command: 'verify'; readonly engine: ManagedEngine };

/** What a backup holds besides the dumps. */
export interface BackupContent {
  readonly command: 'run';
  readonly media: boolean;
  /** Names of the Secrets that the backup contains. */
  readonly secrets: readonly string[];
  /** A name that the certificate of the Webapps bears. */
  readonly serverName: string | undefined;
}
