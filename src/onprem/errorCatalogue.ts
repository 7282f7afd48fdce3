/**
 * Error codes of the synchronous API, with their titles and HTTP statuses.
 * Source: docs/onprem/api-admin.md §17, docs/onprem/api-messaging.md §11, §12. Where no status is documented, the
 * recommendation for simulators applies (400 for bad input, 500 for internal, 503 for "not now").
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
  1021: entry('Bad user', 400),
  1022: entry('Webhooks URL is not configured', 400),
  1023: entry('Database error occurred', 500, true),
  // The status is not documented. 401 follows the recommendation; unlike for wrong credentials, there is a body.
  1024: entry('Password Change Required', 401),
  1025: entry('Invalid Request', 400),
  1028: entry('Identity change must be acknowledged', 400),
  1026: entry('Receiver incapable', 400),
  1031: entry('Sender account has been locked', 403),
  2000: entry('Template Param Count Mismatch', 400),
  2001: entry('Template Missing', 400),
  2002: entry('Template Fetch Failed', 500, true),
  2003: entry('Template Pack Missing', 400),
  2004: entry('Template Param Length Too Long', 400),
  2005: entry('Template Hydrated Text Too Long', 400),
  2006: entry('Template White Space Policy Violated', 400),
  2007: entry('Template Format Character Policy Violated', 400),
  2008: entry('Template Media Format Unsupported', 400),
  2009: entry('Required Component in the Template is Missing', 400),
  2010: entry('Invalid Hydrated URL', 400),
  2011: entry('Invalid Phone Number', 400),
  2012: entry('Parameter Format Mismatch', 400),
  2013: entry('Buttons Unsupported', 400),
  2014: entry('Expected Namespace is Empty', 400),
  2015: entry('Invalid number of sections', 400),
  2016: entry('Invalid number of rows', 400),
  2017: entry('Character Policy Violated', 400),
  2023: entry('Invalid number of products', 400),
  2024: entry('Catalog ID not found', 400),
  2025: entry('Catalog not linked to number', 400),
  2027: entry('No products found', 400),
  2028: entry('All listed products failed compliance', 400),
  2030: entry('Mixed invalid and non-compliant products', 400),
  2036: entry('Invalid header structure', 400),
  2050: entry('Missing compliance info', 400),
  2060: entry('Template Rejected', 400),
  2068: entry('Flow is blocked', 400),
  2069: entry('Flow is throttled', 400),
} as const satisfies Record<number, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

export const isErrorCode = (code: number): code is ErrorCode => code in errorCatalogue;

/** Codes that arrive later, inside `statuses[].errors` of a webhook. */
export const asynchronousErrors = {
  400: 'Media download error',
  402: 'Business eligibility - payment issue',
  408: 'Message is not valid',
  410: 'Message expired',
  429: 'Rate limit hit',
  430: 'Unsigned certificate',
  432: 'Certificate ID mismatch',
  433: 'Certificate signature invalid',
  470: 'Re-engagement message',
  471: 'Spam rate limit hit',
  472: "User's number is part of an experiment",
  480: 'User potentially changed',
  500: 'Generic error',
  501: 'Message type not currently supported',
  1013: 'User is not valid',
  1026: 'Receiver incapable',
  1031: 'Sender account has been locked',
  2026: 'Missing products',
  2029: 'Some listed products failed compliance',
  2061: 'Template Paused',
  2062: 'Template Disabled',
} as const;
export type AsynchronousErrorCode = keyof typeof asynchronousErrors;
