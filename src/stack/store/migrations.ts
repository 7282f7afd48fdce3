import { type Kysely, type Migration, sql } from 'kysely';
import type { DatabaseName } from './databases.ts';
import type { Dialect } from './dialect.ts';

/** Schema of each database, step by step. A released step never changes; a new one is added. */
type Steps = Readonly<Record<string, (database: Kysely<unknown>, dialect: Dialect) => Promise<void>>>;

const steps: Readonly<Record<DatabaseName, Steps>> = {
  config: {
    '001_initial': async (database, { types }) => {
      await database.schema
        .createTable('settings')
        .addColumn('name', 'varchar(64)', (c) => c.primaryKey())
        .addColumn('value', types.text, (c) => c.notNull())
        .execute();
      await database.schema
        .createTable('account')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('cc', 'varchar(3)', (c) => c.notNull())
        .addColumn('phone_number', 'varchar(20)', (c) => c.notNull())
        .addColumn('vname', 'varchar(256)', (c) => c.notNull())
        .addColumn('cert', types.text, (c) => c.notNull())
        .addColumn('registration_key', 'varchar(128)')
        .addColumn('pin', 'varchar(6)')
        .execute();
      await database.schema
        .createTable('webhook_ca')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('pem', types.text, (c) => c.notNull())
        .execute();
    },
  },
  cluster: {
    '001_initial': async (database, { now, types }) => {
      await database.schema
        .createTable('nodes')
        .addColumn('id', 'varchar(512)', (c) => c.primaryKey())
        .addColumn('hostname', 'varchar(253)', (c) => c.notNull())
        .addColumn('container', 'varchar(253)', (c) => c.notNull())
        .addColumn('ports', 'varchar(64)', (c) => c.notNull())
        .addColumn('master', 'boolean', (c) => c.notNull())
        .addColumn('version', 'varchar(32)', (c) => c.notNull())
        .addColumn('healthy_at', types.moment, (c) => c.notNull().defaultTo(now))
        .addColumn('started_at', types.moment, (c) => c.notNull().defaultTo(now))
        .execute();
      await database.schema
        .createTable('leases')
        .addColumn('name', 'varchar(64)', (c) => c.primaryKey())
        .addColumn('holder', 'varchar(512)', (c) => c.notNull())
        .addColumn('expires_at', types.moment, (c) => c.notNull())
        .execute();
      await database.schema
        .createTable('shard_map')
        .addColumn('shard', 'integer', (c) => c.primaryKey())
        .addColumn('owner', 'varchar(512)')
        .addColumn('epoch', 'integer', (c) => c.notNull())
        .execute();
      await database.schema
        .createTable('cluster')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('state', 'varchar(16)', (c) => c.notNull())
        .addColumn('shards', 'integer', (c) => c.notNull())
        .execute();
      await sql`INSERT INTO shard_map (shard, owner, epoch) VALUES (0, NULL, 0)`.execute(database);
      await sql`INSERT INTO cluster (id, state, shards) VALUES (1, 'NORMAL', 1)`.execute(database);
    },
    '002_who_upgrades': async (database) => {
      for (const [column, type] of [
        ['version', 'varchar(32)'],
        ['upgraded_by', 'varchar(512)'],
      ] as const)
        await database.schema.alterTable('cluster').addColumn(column, type).execute();
    },
  },
  message: {
    '001_initial': async (database, { engine, now, types, autoIncrement }) => {
      await database.schema
        .createTable('messages')
        .addColumn('id', 'varchar(64)', (c) => c.primaryKey())
        .addColumn('shard', 'integer', (c) => c.notNull())
        .addColumn('recipient', 'varchar(20)', (c) => c.notNull())
        .addColumn('type', 'varchar(32)', (c) => c.notNull())
        .addColumn('body', types.text, (c) => c.notNull())
        .addColumn('state', 'varchar(16)', (c) => c.notNull())
        .addColumn('created_at', types.moment, (c) => c.notNull().defaultTo(now))
        .execute();
      // Queries look only for unsent messages. MySQL has no partial indexes.
      await (engine === 'PGSQL'
        ? sql`CREATE INDEX messages_pending ON messages (shard, created_at) WHERE state = 'pending'`
        : sql`CREATE INDEX messages_pending ON messages (state, shard, created_at)`
      ).execute(database);
      await database.schema
        .createTable('callbacks')
        .addColumn('seq', types.counter, (c) => autoIncrement(c.primaryKey()))
        .addColumn('shard', 'integer', (c) => c.notNull())
        .addColumn('event_key', 'varchar(160)', (c) => c.notNull().unique())
        .addColumn('payload', types.text, (c) => c.notNull())
        .addColumn('attempts', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('next_at', types.moment, (c) => c.notNull().defaultTo(now))
        .execute();
      await sql`CREATE INDEX callbacks_due ON callbacks (shard, next_at)`.execute(database);
    },
    '002_identities': async (database, { now, types }) => {
      await database.schema
        .createTable('identities')
        .addColumn('wa_id', 'varchar(20)', (c) => c.primaryKey())
        .addColumn('hash', 'varchar(32)', (c) => c.notNull())
        .addColumn('created_at', types.moment, (c) => c.notNull().defaultTo(now))
        .addColumn('acknowledged', 'boolean', (c) => c.notNull())
        .execute();
    },
    '003_age_of_callbacks': async (database, { now, types }) => {
      await database.schema
        .alterTable('callbacks')
        .addColumn('created_at', types.moment, (c) => c.notNull().defaultTo(now))
        .execute();
    },
    '004_receipts': async (database, { now, types, autoIncrement }) => {
      await database.schema
        .createTable('message_receipt_log')
        .addColumn('seq', types.counter, (c) => autoIncrement(c.primaryKey()))
        .addColumn('message_id', 'varchar(64)', (c) => c.notNull())
        .addColumn('status', 'varchar(16)', (c) => c.notNull())
        .addColumn('created_at', types.moment, (c) => c.notNull().defaultTo(now))
        .execute();
      await sql`INSERT INTO message_receipt_log (message_id, status)
        SELECT id, state FROM messages WHERE state IN ('delivered', 'read')`.execute(database);
      await sql`UPDATE messages SET state = 'sent' WHERE state IN ('delivered', 'read')`.execute(database);
    },
    // The index has the order of the query. Without it PostgreSQL sorts the whole backlog for each read.
    '005_order_of_callbacks': async (database, { engine }) => {
      await sql`CREATE INDEX callbacks_in_order ON callbacks (shard, next_at, seq)`.execute(database);
      await (engine === 'PGSQL'
        ? sql`DROP INDEX callbacks_due`
        : sql`DROP INDEX callbacks_due ON callbacks`
      ).execute(database);
    },
    // Where a message is in its trace, so that a trace outlives the process. Rows of earlier releases have none.
    '006_traces': async (database) => {
      for (const table of ['messages', 'callbacks'])
        await database.schema.alterTable(table).addColumn('traceparent', 'varchar(55)').execute();
    },
  },
  web: {
    '001_initial': async (database, { types }) => {
      await database.schema
        .createTable('users')
        .addColumn('username', 'varchar(32)', (c) => c.primaryKey())
        .addColumn('password_hash', 'varchar(256)', (c) => c.notNull())
        .addColumn('role', 'varchar(16)', (c) => c.notNull())
        .addColumn('must_change', 'boolean', (c) => c.notNull())
        .execute();
      await database.schema
        .createTable('tokens')
        .addColumn('hash', 'varchar(64)', (c) => c.primaryKey())
        .addColumn('username', 'varchar(32)', (c) =>
          c.notNull().references('users.username').onDelete('cascade'),
        )
        .addColumn('expires_at', types.moment, (c) => c.notNull())
        .execute();
      await database.schema
        .createTable('certs')
        .addColumn('name', 'varchar(32)', (c) => c.primaryKey())
        .addColumn('pem', types.text, (c) => c.notNull())
        .execute();
    },
  },
};

export const migrationsOf = (name: DatabaseName, dialect: Dialect): Record<string, Migration> =>
  Object.fromEntries(
    Object.entries(steps[name]).map(([step, change]) => [
      step,
      { up: (database) => change(database, dialect) },
    ]),
  );

/** Schema versions as `/v1/support` shows them, which knows seven areas. */
export function schemaVersions(): Record<string, number> {
  const count = (name: DatabaseName) => Object.keys(steps[name]).length;
  const [config, cluster, message] = [count('config'), count('cluster'), count('message')];
  return {
    axolotl: config,
    callback: message,
    cluster,
    config,
    contact: message,
    jobqueue: message,
    message,
  };
}
