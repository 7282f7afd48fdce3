import type { MovableClock } from '../../base/movableClock.ts';
import { type CallbackStore, DatabaseCallbackStore } from './callbackStore.ts';
import { type ClusterStore, DatabaseClusterStore, type UpgradeRecord } from './clusterStore.ts';
import type { ConfigStore } from './configStore.ts';
import { DatabaseConfigStore } from './databaseConfigStore.ts';
import type { Databases } from './databases.ts';
import { DatabaseWebStore } from './databaseWebStore.ts';
import type { Engine } from './dialect.ts';
import { DatabaseMessageStore, type MessageStore } from './messageStore.ts';
import { movedDialect } from './movedDialect.ts';
import type { Upgrader } from './schemaTooNew.ts';
import { isSchemaCurrent, NODE_DATABASES, refuseNewerSchema } from './upgrade.ts';
import type { WebStore } from './webStore.ts';

/** What a stack stores. */
export interface Stores {
  /** The engine that `/v1/support` names. */
  readonly engine: Engine;
  readonly cluster: ClusterStore;
  readonly config: ConfigStore;
  readonly messages: MessageStore;
  readonly callbacks: CallbackStore;
  readonly web: WebStore;
  /** Whether nodes can work with what is there. */
  isCurrent(): Promise<boolean>;
  /** @returns the last upgrade; undefined if nothing is stored yet. @throws CodedError `SchemaTooNew` */
  refuseNewer(client: Upgrader): Promise<UpgradeRecord | undefined>;
}

/** Opens the stores for one process. What belongs to the simulation follows its time; membership and leases do not. */
export type OpenStores = (time: MovableClock) => Stores;

/** Stores in PostgreSQL, MySQL or MariaDB. */
export const databaseStores =
  (databases: Databases): OpenStores =>
  (time) => {
    const simulated = { ...databases, dialect: movedDialect(databases.dialect, time) };
    return {
      engine: databases.dialect.engine,
      cluster: new DatabaseClusterStore(databases),
      config: new DatabaseConfigStore(databases),
      messages: new DatabaseMessageStore(simulated),
      callbacks: new DatabaseCallbackStore(simulated),
      web: new DatabaseWebStore(simulated),
      isCurrent: () => isSchemaCurrent(databases, NODE_DATABASES),
      refuseNewer: (client) => refuseNewerSchema(databases, NODE_DATABASES, client),
    };
  };
