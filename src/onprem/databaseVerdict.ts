/** Why a database does not let a stack in. */
export const DATABASE_VERDICTS = [
  'DatabaseHostUnknown',
  'DatabaseConnectionRefused',
  'DatabaseNoAnswer',
  'DatabaseOtherEngine',
  'DatabaseTlsFailed',
  'DatabaseLoginRefused',
  'DatabaseRightsMissing',
  'DatabaseConnectionsFew',
] as const;
export type DatabaseVerdict = (typeof DATABASE_VERDICTS)[number];

/**
 * What clients of PostgreSQL and MySQL print, the vendor's (libpq, the MySQL client) and ours (drivers of Node.js). The
 * first that matches counts: an answer about a certificate also contains words about connections.
 */
const PATTERNS: readonly (readonly [DatabaseVerdict, RegExp])[] = [
  [
    'DatabaseHostUnknown',
    /ENOTFOUND|EAI_AGAIN|could not translate host name|Unknown MySQL server host|Name or service not known|Temporary failure in name resolution/i,
  ],
  [
    'DatabaseConnectionsFew',
    /too many clients|too many connections|remaining connection slots|max_user_connections|53300|ER_CON_COUNT_ERROR|ER_USER_LIMIT_REACHED/i,
  ],
  [
    'DatabaseTlsFailed',
    /certificate|self[- ]signed|\bTLS\b|\bSSL\b|EPROTO|no pg_hba\.conf entry .*no encryption|handshake|HANDSHAKE_NO_SSL_SUPPORT/i,
  ],
  [
    'DatabaseLoginRefused',
    /password authentication failed|28P01|28000|ER_ACCESS_DENIED_ERROR|Access denied for user .*using password|role ".*" does not exist|SASL|no pg_hba\.conf entry/i,
  ],
  [
    'DatabaseRightsMissing',
    /permission denied|42501|ER_DBACCESS_DENIED_ERROR|ER_TABLEACCESS_DENIED_ERROR|Access denied for user .* to database|command denied to user|must be owner/i,
  ],
  [
    'DatabaseConnectionRefused',
    /ECONNREFUSED|Connection refused|EHOSTUNREACH|ENETUNREACH|No route to host|Can't connect to MySQL server/i,
  ],
  [
    'DatabaseNoAnswer',
    /ETIMEDOUT|ECONNRESET|timeout expired|connection timeout|Connection terminated|timed out/i,
  ],
];

/** What a line that a client printed says about the database; undefined if nothing. */
export const databaseVerdict = (line: string): DatabaseVerdict | undefined =>
  PATTERNS.find(([, pattern]) => pattern.test(line))?.[0];
