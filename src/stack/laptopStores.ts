import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { MovableClock } from '../base/movableClock.ts';
import type { DatabaseSettings } from './store/databaseSettings.ts';
import type { Upgrader } from './store/schemaTooNew.ts';
import type { OpenStores, Stores } from './store/stores.ts';

/** Where an emulator stores: in its memory, in a PostgreSQL that it starts itself, or on a server. */
export type LaptopDatabase = 'memory' | 'embedded' | DatabaseSettings;

export interface LaptopStoresOptions {
  readonly database: LaptopDatabase;
  /** Where data is kept between runs; without it, what is in memory ends with the process. */
  readonly dataFolder: string | undefined;
  readonly folder: string;
  /** Of the embedded database. */
  readonly password: string;
  readonly upgrader: Upgrader;
  readonly clock: Clock;
  readonly time: MovableClock;
  readonly logger: Logger;
}

export interface LaptopStores {
  readonly open: OpenStores;
  readonly stores: Stores;
  /** What people set through the API; none with a database, whose content is nobody's to replace. */
  readonly content?: { snapshot(): string; restore(snapshot: string | undefined): Promise<void> };
  close(): Promise<void>;
}
