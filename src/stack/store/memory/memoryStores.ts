import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import type { MovableClock } from '../../../base/movableClock.ts';
import { refuseOlderClient, type Upgrader } from '../schemaTooNew.ts';
import type { OpenStores, Stores } from '../stores.ts';
import { CallbackQueue } from './callbackQueue.ts';
import { MemoryCallbackStore } from './memoryCallbackStore.ts';
import { MemoryClusterStore } from './memoryClusterStore.ts';
import { MemoryConfigStore } from './memoryConfigStore.ts';
import { MemoryMessageStore } from './memoryMessageStore.ts';
import { MemoryTables } from './memoryTables.ts';
import { MemoryWebStore } from './memoryWebStore.ts';

/** What people set through the API. Registration, certificates and tokens are no part of a snapshot. */
const SET_BY_PEOPLE = ['settings', 'webhook_ca', 'users', 'identities'];

export interface MemoryStoresOptions {
  /** Where they are kept between runs; without it they end with the process. */
  readonly folder?: string | undefined;
  readonly clock: Clock;
  /** The time of the simulation. */
  readonly time: MovableClock;
  readonly logger: Logger;
}

/** The stores of all roles of this process. */
export interface MemoryStores {
  readonly open: OpenStores;
  readonly stores: Stores;
  /** Notes which client uses them. @throws CodedError `SchemaTooNew` if a newer one did before */
  upgrade(client: Upgrader): Promise<void>;
  /** What people have set through the API, as a text. */
  snapshot(): string;
  restore(snapshot: string | undefined): Promise<void>;
  close(): Promise<void>;
}

/** Opens stores in memory. Roles share them, so all of them see the time of the simulation that is given here. */
export async function openMemoryStores({
  folder,
  clock,
  time,
  logger,
}: MemoryStoresOptions): Promise<MemoryStores> {
  const tables = await MemoryTables.open(folder, logger);
  const queue = new CallbackQueue(tables.table('callbacks'), () => time.now(), 1);
  const cluster = new MemoryClusterStore(tables, clock);
  const refuseNewer = async (client: Upgrader) => {
    const record = await cluster.upgradeRecord();
    refuseOlderClient(client, record);
    return record.version === undefined ? undefined : record;
  };
  const stores: Stores = {
    // Clients know no third one.
    engine: 'PGSQL',
    cluster,
    config: new MemoryConfigStore(tables),
    messages: new MemoryMessageStore(tables, queue, time),
    callbacks: new MemoryCallbackStore(tables, queue),
    web: new MemoryWebStore(tables, time),
    isCurrent: async () => true,
    refuseNewer,
  };
  return {
    open: () => stores,
    stores,
    upgrade: async (client) => {
      await refuseNewer(client);
      await cluster.setUpgrade(false, client);
    },
    snapshot: () => tables.snapshot(SET_BY_PEOPLE),
    restore: async (snapshot) => {
      if (snapshot !== undefined) await tables.restore(snapshot);
    },
    close: () => tables.close(),
  };
}
