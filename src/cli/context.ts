import type { Logger } from '../base/logger.ts';

/** What commands get from the outside: bin reads it, commands only use it. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Fires on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Folder of the bundles. */
  readonly distFolder: string;
  readonly version: string;
  readonly logger: Logger;
}

export const printJson = (context: CliContext, value: unknown): void =>
  void context.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
