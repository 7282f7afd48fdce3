/**
 * Error codes of the synchronous API, with their titles and the HTTP status they come with.
 * Source: api-admin reference 17, api-messaging reference 11 and 12. Where no status is documented, the
 * recommendation for simulators stands (400 for bad input, 500 for internal, 503 for "not now").
 */
export interface CatalogueEntry {
  readonly title: string;
  readonly httpStatus: number;
  /** Whether the same request may succeed a little later. */
  readonly retriable: boolean;
}

const entry = (title: string, httpStatus: number, retriable = false): CatalogueEntry => ({
  title,
  httpStatus,
  retriable,
});

export const errorCatalogue = {
  1000: entry('Generic error', 500),
  1001: entry('Message too long', 400),
  1002: entry('Invalid recipient type', 400),
  1004: entry('Resource already exists', 400),
  1005: entry('Access denied', 403),
  1006: entry('Resource not found', 404),
  1008: entry('Required parameter is missing', 400),
  1009: entry('Parameter value is not valid', 400),
  1010: entry('Parameter is not required', 400),
  1011: entry('Service not ready', 503, true),
  1013: entry('User is not valid', 400),
  1014: entry('Internal error', 500),
  1015: entry('Too many requests', 429, true),
  1016: entry('System overloaded', 503, true),
  1017: entry('Not Primary Master', 503, true),
  1018: entry('Not Primary Coreapp', 503, true),
  1021: entry('Bad User', 400),
  1022: entry('Webhooks URL is not configured', 400),
  1023: entry('Database error occurred', 500, true),
  // Status not documented; 401 as the recommendation says, with a body where wrong credentials have none.
  1024: entry('Password Change Required', 401),
  1025: entry('Invalid Request', 400),
  1028: entry('Identity change must be acknowledged', 400),
  1031: entry('Sender account has been locked', 403),
} as const satisfies Record<number, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

export const isErrorCode = (code: number): code is ErrorCode => code in errorCatalogue;

/** Codes that arrive later, inside `statuses[].errors` of a webhook. */
export const asynchronousErrors = {
  470: 'Re-engagement message',
  500: 'Generic error',
  1013: 'User is not valid',
  1026: 'Receiver incapable',
} as const;
