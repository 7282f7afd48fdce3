import type { CommonReason } from '../../resource/conditions.ts';

/** Why a client of the database does not get in, told by what it prints. */
export interface DatabaseCause {
  readonly reason: Extract<CommonReason, `Database${string}`>;
  /** The words that told it. */
  readonly line: string;
}

/**
 * What clients of PostgreSQL and MySQL print, the vendor's (libpq, the MySQL client) and ours (drivers of Node.js). The
 * first that matches counts: an answer about a certificate also contains words about connections.
 */
const PATTERNS: readonly (readonly [DatabaseCause['reason'], RegExp])[] = [
  [
    'DatabaseHostUnknown',
    /ENOTFOUND|EAI_AGAIN|could not translate host name|Unknown MySQL server host|Name or service not known|Temporary failure in name resolution/i,
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

/** A stack trace or a summary may follow the line that tells the cause. */
const LOOKED_AT = 5;

/** The newest of the last lines that tells why the database does not let the client in. */
export function databaseCause(lines: readonly string[]): DatabaseCause | undefined {
  const newest = lines.slice(-LOOKED_AT).reverse();
  for (const line of newest) {
    const text = plain(line);
    const found = PATTERNS.find(([, pattern]) => pattern.test(text));
    if (found) return { reason: found[0], line: text };
    // Each line of ours stands for itself: a later one says that the client went on.
    if (line.startsWith('{')) return undefined;
  }
  return undefined;
}

/** A line as people read it. Programs of ours print JSON, with the error beside the message. */
export function plain(line: string): string {
  if (!line.startsWith('{')) return line.trim();
  try {
    const { message, error } = JSON.parse(line) as { message?: unknown; error?: unknown };
    return typeof message === 'string'
      ? [message, error].filter((part) => typeof part === 'string').join(': ')
      : line;
  } catch {
    return line;
  }
}
