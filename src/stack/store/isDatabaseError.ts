/** Error codes of sockets, and of drivers when a server goes away or does not answer. */
const CONNECTION_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'PROTOCOL_CONNECTION_LOST',
]);

/** An SQLSTATE has a digit; system error codes such as EROFS have none. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/** Whether an error is the database's: pg has its SQLSTATE as the code, mysql2 beside a name. */
export function isDatabaseError(error: unknown): boolean {
  const { code, sqlState } = (error ?? {}) as { code?: unknown; sqlState?: unknown };
  const state = sqlState ?? code;
  return CONNECTION_CODES.has(code) || (typeof state === 'string' && SQLSTATE.test(state));
}
