import type { Logger } from '../base/logger.ts';
import type { ClusterAccess, ClusterOptions } from './clusterAccess.ts';

/** The process that runs the CLI: `bin` reads it from Node, and commands use nothing else of it. */
export interface CliHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Fires on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Folder of the bundles. */
  readonly distFolder: string;
  readonly version: string;
  readonly logger: Logger;
}

/** What every command gets. */
export interface CliContext extends CliHost {
  /** @throws CodedError `NoKubeconfig` */
  openCluster(options: ClusterOptions): Promise<ClusterAccess>;
}
