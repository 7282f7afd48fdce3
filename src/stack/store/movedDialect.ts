import { sql } from 'kysely';
import type { Dialect } from './dialect.ts';

/** The same database with a clock that is ahead by `movedMs`, which may change. Only a simulation has that. */
export function movedDialect(dialect: Dialect, time: { readonly movedMs: number }): Dialect {
  const aheadSeconds = () => time.movedMs / 1000;
  return {
    ...dialect,
    get now() {
      return time.movedMs === 0 ? dialect.now : dialect.secondsFromNow(aheadSeconds());
    },
    secondsFromNow: (seconds) => dialect.secondsFromNow(seconds + aheadSeconds()),
    secondsSince: (column) => sql<number>`${dialect.secondsSince(column)} + ${sql.lit(aheadSeconds())}`,
  };
}
