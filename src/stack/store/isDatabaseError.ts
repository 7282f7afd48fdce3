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

/** pg gives these errors no code. */
const CONNECTION_MESSAGES =
  /^(Connection terminated|timeout e(xpired|xceeded when trying to connect)$|Client has encountered a connection error)/;

/** An SQLSTATE has a digit; system error codes such as EROFS have none. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/** pg has its SQLSTATE as the code, mysql2 beside a name. */
function stateOf(error: unknown): string | undefined {
  const { code, sqlState } = (error ?? {}) as { code?: unknown; sqlState?: unknown };
  const state = sqlState ?? code;
  return typeof state === 'string' && SQLSTATE.test(state) ? state : undefined;
}

/** Whether the database is well and refuses a value: too long, or with characters that it can't hold. */
export const isDataError = (error: unknown): boolean => stateOf(error)?.startsWith('22') === true;

/** Whether an error is the database's. */
export const isDatabaseError = (error: unknown): boolean =>
  CONNECTION_CODES.has((error as { code?: unknown } | undefined)?.code) ||
  stateOf(error) !== undefined ||
  (error instanceof Error && CONNECTION_MESSAGES.test(error.message));
