import type { Clock } from '../../base/clock.ts';
import type { Logger, LogLevel } from '../../base/logger.ts';
import type { MovableClock } from '../../base/movableClock.ts';
import type { Upgrader } from '../store/schemaTooNew.ts';
import type { OpenStores } from '../store/stores.ts';
import type { LocalWire } from '../wire/localWire.ts';
import type { Backlog } from './messages/backlog.ts';

export interface CoreappOptions {
  readonly stores: OpenStores;
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
  /** Set if the other roles are in this process. */
  readonly wire?: LocalWire | undefined;
  /** The volume that Webapps and Coreapps share. */
  readonly mediaFolder: string;
  /** Hosts that links of messages may name, `*` for any; undefined: all with public addresses. */
  readonly mediaHosts?: readonly string[] | undefined;
  /** Where settings and registration are kept, instead of in the database. */
  readonly configFolder?: string | undefined;
  readonly version: string;
  /** Where `verbose_logging` and `log_level` take effect. */
  readonly setLogLevel?: ((level: LogLevel) => void) | undefined;
  /** Whether the webhook may have a plain HTTP URL in a private network: on a laptop, not in a cluster. */
  readonly plainWebhooks?: boolean | undefined;
  /** How much may wait before messages are refused. */
  readonly queueLimits?: Backlog['limits'] | undefined;
  /** When the build was made, epoch ms; the time of the start if absent. */
  readonly buildDateMs?: number | undefined;
  readonly clock: Clock;
  /** The time of the simulation, if the network is in this process. */
  readonly time?: MovableClock;
  readonly logger: Logger;
}
