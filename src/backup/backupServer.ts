/** The database server of a stack, as backups need it. Every call may throw the driver's error. */
export interface BackupServer {
  readonly engine: 'PGSQL' | 'MYSQL';
  /** Mode of the tool's connection, in the words of libpq. */
  readonly tls: string;
  readonly prefix: string;
  version(): Promise<string>;
  /** All databases that the user sees. */
  databases(): Promise<string[]>;
  /** PostgreSQL: a moment of a database, in which the tool and this program read the same. MySQL: undefined. */
  snapshot(database: string): Promise<Snapshot | undefined>;
  /** Rows of each table. */
  rows(database: string): Promise<Record<string, number>>;
  create(database: string): Promise<void>;
  /** Also ends the connections to it. Succeeds if there is none. */
  drop(database: string): Promise<void>;
  close(): Promise<void>;
}

export interface Snapshot {
  /** For `pg_dump --snapshot`. */
  readonly id: string;
  rows(): Promise<Record<string, number>>;
  close(): Promise<void>;
}
