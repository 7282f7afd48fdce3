/** The database servers that the operator can run. */
export const MANAGED_ENGINES = ['PostgreSQL', 'MySQL', 'MariaDB'] as const;
export type ManagedEngine = (typeof MANAGED_ENGINES)[number];

interface EngineFacts {
  /** What clients speak to the server, as `WA_DB_ENGINE` names it. */
  readonly protocol: 'PGSQL' | 'MYSQL';
  readonly port: number;
  /** Repository of the official image. */
  readonly image: string;
  /** The tag of a stack that names no version. A stack keeps the one that it was made with. */
  readonly version: string;
  /** Requested memory of a server without `resources`. MySQL alone holds several times that of the others when it idles. */
  readonly memory: string;
  /** Finds in a version what must not change, because a server does not read the files of another one. RE2. */
  readonly series: string;
}

/** Of MySQL and MariaDB two numbers: 11.4 and 11.8 differ as much as 17 and 18 of PostgreSQL. */
const TWO_NUMBERS = '^[0-9]+[.][0-9]+';

/**
 * MySQL 8.4 is the last series with `mysql_native_password`, without which the vendor's client does not log in
 * (docs/onprem/deployment.md §4.1). Of MariaDB the series that is maintained longest, until May 2029.
 */
export const managedEngines: Readonly<Record<ManagedEngine, EngineFacts>> = {
  PostgreSQL: {
    protocol: 'PGSQL',
    port: 5432,
    image: 'docker.io/library/postgres',
    version: '18',
    memory: '128Mi',
    series: '^[^.-]+',
  },
  MySQL: {
    protocol: 'MYSQL',
    port: 3306,
    image: 'docker.io/library/mysql',
    version: '8.4',
    memory: '640Mi',
    series: TWO_NUMBERS,
  },
  MariaDB: {
    protocol: 'MYSQL',
    port: 3306,
    image: 'docker.io/library/mariadb',
    version: '11.4',
    memory: '128Mi',
    series: TWO_NUMBERS,
  },
};

/** The series of a version, such as `18` or `11.4`; empty if the version names none. */
export const seriesOf = (engine: ManagedEngine, version: string): string =>
  new RegExp(managedEngines[engine].series).exec(version)?.[0] ?? '';
