/**
 * The errors of MySQL and MariaDB: `--read-only` and `--super-read-only` (which share 1290 with other options of a server
 * that does not take the statement), a read-only transaction, read-only mode, and InnoDB without writes.
 */
const MYSQL_ERRORS: ReadonlySet<unknown> = new Set([1290, 1792, 1836, 1874]);

/** PostgreSQL: `read_only_sql_transaction`, which a standby answers as well. */
const POSTGRES_STATE = '25006';

/** Whether a server refused a write because it takes none, as one does that was the primary before a failover. */
export function isReadOnlyError(error: unknown): boolean {
  const { code, errno } = (error ?? {}) as { code?: unknown; errno?: unknown };
  return code === POSTGRES_STATE || MYSQL_ERRORS.has(errno);
}
