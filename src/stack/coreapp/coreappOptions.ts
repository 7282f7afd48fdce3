import type { Clock } from '../../base/clock.ts';
import type { Logger, LogLevel } from '../../base/logger.ts';
import type { Databases } from '../store/databases.ts';
import type { Upgrader } from '../store/upgrade.ts';
import type { Backlog } from './messages/backlog.ts';

export interface CoreappOptions {
  readonly databases: Databases;
  readonly upgradeSchema: (upgrader: Upgrader) => Promise<void>;
  readonly networkUrl: string;
  readonly multiconnect: boolean;
  readonly master: boolean;
  /** Address by which others reach this node. */
  readonly hostname: string;
  readonly container: string;
  readonly externalPorts: readonly number[];
  readonly listen: { readonly host: string; readonly ports: readonly number[] };
  /** `WA_SECRET`; if empty, the links to Webapps and other nodes are not encrypted. */
  readonly secret?: string;
  /** The volume that Webapps and Coreapps share. */
  readonly mediaFolder: string;
  /** Where settings and registration are kept, instead of in the database. */
  readonly configFolder?: string | undefined;
  readonly version: string;
  /** Where `verbose_logging` and `log_level` take effect. */
  readonly setLogLevel?: ((level: LogLevel) => void) | undefined;
  /** How much may wait before messages are refused. */
  readonly queueLimits?: Backlog['limits'] | undefined;
  /** When the build was made, epoch ms; the time of the start if absent. */
  readonly buildDateMs?: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}
