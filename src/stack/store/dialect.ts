import {
  type ColumnDefinitionBuilder,
  type InsertQueryBuilder,
  type QueryExecutorProvider,
  type RawBuilder,
  type SqlBool,
  sql,
} from 'kysely';
import { type ElementType, postgresArray } from './postgresArray.ts';

/** `WA_DB_ENGINE`. */
export type Engine = 'PGSQL' | 'MYSQL';

type Insert<DB, TB extends keyof DB, O> = InsertQueryBuilder<DB, TB, O>;

/** What differs between PostgreSQL and MySQL. */
export interface Dialect {
  readonly engine: Engine;
  /** The database's clock, with fractions of a second. */
  readonly now: RawBuilder<Date>;
  /** A row that is there already stays as it is. */
  orIgnore<DB, TB extends keyof DB, O>(insert: Insert<DB, TB, O>): Insert<DB, TB, O>;
  /** A row with this key takes these values. */
  orUpdate<DB, TB extends keyof DB, O>(
    insert: Insert<DB, TB, O>,
    key: string,
    values: Readonly<Record<string, unknown>>,
  ): Insert<DB, TB, O>;
  /**
   * Inserts many rows by a statement that does not grow with them. `columns` names their types.
   * With `orIgnore` rows that are there already stay as they are. `same` are columns that have one value in all rows.
   */
  insertMany<C extends string>(
    database: QueryExecutorProvider,
    table: string,
    columns: Readonly<Record<C, 'text' | 'int4'>>,
    rows: readonly Readonly<Record<NoInfer<C>, string | number | null>>[],
    options?: {
      readonly orIgnore?: boolean;
      readonly same?: Readonly<Record<string, RawBuilder<unknown>>>;
    },
  ): Promise<void>;
  isOneOf(column: string, values: readonly (string | number)[]): RawBuilder<SqlBool>;
  /** `values` must not be empty. */
  isNoneOf(column: string, values: readonly (string | number)[]): RawBuilder<SqlBool>;
  secondsFromNow(seconds: number): RawBuilder<Date>;
  secondsSince(column: string): RawBuilder<number>;
  /** Column types that have other names. */
  readonly types: {
    readonly text: RawBuilder<unknown>;
    readonly moment: RawBuilder<unknown>;
    readonly counter: RawBuilder<unknown>;
  };
  autoIncrement(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder;
}

const references = (columns: readonly string[]) => sql.join(columns.map((column) => sql.ref(column)));

const postgresList = (type: ElementType, values: readonly (string | number | null)[]) =>
  sql`${postgresArray(type, values as never)}::${sql.raw(type)}[]`;
/** Keys are texts, or numbers that count up. */
const postgresValues = (values: readonly (string | number)[]) =>
  postgresList(typeof values[0] === 'string' ? 'text' : 'int8', values);

const postgres: Dialect = {
  engine: 'PGSQL',
  now: sql<Date>`now()`,
  orIgnore: (insert) => insert.onConflict((conflict) => conflict.doNothing()),
  orUpdate: (insert, key, values) =>
    insert.onConflict((conflict) => conflict.column(key as never).doUpdateSet(values as never)),
  async insertMany(database, table, columns, rows, { orIgnore = false, same = {} } = {}) {
    const names = Object.keys(columns) as (keyof typeof columns)[];
    const lists = names.map((name) => {
      return postgresList(
        columns[name],
        rows.map((row) => row[name]),
      );
    });
    const ignoring = orIgnore ? sql`on conflict do nothing` : sql``;
    await sql`insert into ${sql.table(table)} (${references([...names, ...Object.keys(same)])})
      select ${sql.join([sql`given.*`, ...Object.values(same)])} from unnest(${sql.join(lists)}) as given
      ${ignoring}`.execute(database);
  },
  isOneOf: (column, values) => sql<SqlBool>`${sql.ref(column)} = any(${postgresValues(values)})`,
  isNoneOf: (column, values) => sql<SqlBool>`${sql.ref(column)} <> all(${postgresValues(values)})`,
  secondsFromNow: (seconds) => sql<Date>`now() + make_interval(secs => ${seconds})`,
  secondsSince: (column) => sql<number>`extract(epoch from now() - ${sql.ref(column)})::float8`,
  types: { text: sql`text`, moment: sql`timestamptz`, counter: sql`bigserial` },
  autoIncrement: (column) => column,
};

/** MySQL 8 and MariaDB. Sessions are set to UTC, because these columns know no zone. */
const mysql: Dialect = {
  engine: 'MYSQL',
  now: sql<Date>`now(6)`,
  orIgnore: (insert) => insert.ignore(),
  orUpdate: (insert, _, values) => insert.onDuplicateKeyUpdate(values as never),
  async insertMany(database, table, columns, rows, { orIgnore = false, same = {} } = {}) {
    const names = Object.keys(columns) as (keyof typeof columns)[];
    const values = Object.values(same);
    const lines = rows.map((row) => sql`(${sql.join([...names.map((name) => row[name]), ...values])})`);
    await sql`insert ${orIgnore ? sql`ignore` : sql``} into ${sql.table(table)}
      (${references([...names, ...Object.keys(same)])}) values ${sql.join(lines)}`.execute(database);
  },
  isOneOf: (column, values) => sql<SqlBool>`${sql.ref(column)} in (${sql.join(values)})`,
  isNoneOf: (column, values) => sql<SqlBool>`${sql.ref(column)} not in (${sql.join(values)})`,
  secondsFromNow: (seconds) =>
    sql<Date>`date_add(now(6), interval ${sql.lit(Math.round(seconds * 1_000_000))} microsecond)`,
  secondsSince: (column) =>
    sql<number>`cast(timestampdiff(microsecond, ${sql.ref(column)}, now(6)) / 1000000 as double)`,
  types: { text: sql`mediumtext`, moment: sql`datetime(6)`, counter: sql`bigint` },
  autoIncrement: (column) => column.autoIncrement(),
};

export const dialects: Readonly<Record<Engine, Dialect>> = { PGSQL: postgres, MYSQL: mysql };
