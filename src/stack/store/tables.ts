import type { Generated } from 'kysely';

/** Rows of the databases. Names are the vendor's where they are known: `shard_map`, `messages`. */

export interface ConfigTables {
  settings: { name: string; value: string };
  account: {
    id: number;
    cc: string;
    phone_number: string;
    vname: string;
    cert: string;
    /** Proves to the network that this installation holds the number; absent until verified. */
    registration_key: string | null;
    pin: string | null;
  };
  webhook_ca: { id: number; pem: string };
}

export interface ClusterTables {
  nodes: {
    /** `<hostname>:<container id>` */
    id: string;
    hostname: string;
    container: string;
    ports: string;
    master: boolean;
    version: string;
    /** When the primary Master last heard of it, by the database's clock. */
    healthy_at: Generated<Date>;
    started_at: Generated<Date>;
  };
  leases: { name: string; holder: string; expires_at: Date };
  shard_map: { shard: number; owner: string | null; epoch: number };
  cluster: {
    id: number;
    /** `NORMAL`, or `UPGRADE` while an upgrade runs, or after it crashed. */
    state: string;
    shards: number;
    /** Version of the newest client that upgraded the databases, or began to. */
    version: string | null;
    /** Name of the client that upgrades them, or did so last. */
    upgraded_by: string | null;
  };
}

export interface MessageTables {
  messages: {
    id: string;
    shard: number;
    recipient: string;
    type: string;
    body: string;
    state: string;
    created_at: Generated<Date>;
    traceparent: Generated<string | null>;
  };
  callbacks: {
    seq: Generated<number>;
    shard: number;
    /** Unique, so that storing the same event twice changes nothing. */
    event_key: string;
    payload: string;
    attempts: Generated<number>;
    next_at: Generated<Date>;
    created_at: Generated<Date>;
    traceparent: Generated<string | null>;
  };
}

export interface MessageTables {
  /** Receipts of sent messages. They are only written, counted and collected. */
  message_receipt_log: {
    seq: Generated<number>;
    message_id: string;
    status: string;
    created_at: Generated<Date>;
  };
  /** Identities of users, as far as this stack has seen them. */
  identities: { wa_id: string; hash: string; created_at: Generated<Date>; acknowledged: boolean };
}

export interface WebTables {
  users: { username: string; password_hash: string; role: string; must_change: boolean };
  tokens: { hash: string; username: string; expires_at: Date };
  certs: { name: string; pem: string };
}
