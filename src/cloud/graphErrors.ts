import * as z from 'zod';
import type { ApiErrorBody } from '../onprem/envelope.ts';
import { asynchronousErrors, errorCatalogue, isErrorCode } from '../onprem/errorCatalogue.ts';

/** Errors of the Cloud API and their On-Premises counterparts. Source: docs/onprem/cloud-migration.md §10, §17.6. */

/** An error in an answer of Graph, or of a status in a webhook. */
export const graphError = z.looseObject({
  code: z.int(),
  title: z.string().optional(),
  message: z.string().optional(),
  error_subcode: z.int().optional(),
  href: z.string().optional(),
  error_data: z.looseObject({ details: z.string().optional() }).optional(),
});
export type GraphError = z.output<typeof graphError>;

/** By Cloud code, the first On-Premises code of its row. */
const COUNTERPARTS: Readonly<Record<number, number>> = {
  0: 1005,
  4: 429,
  10: 1005,
  33: 1006,
  100: 1009,
  190: 1005,
  368: 1031,
  80007: 429,
  130403: 1013,
  130429: 429,
  130472: 472,
  130497: 1031,
  131000: 500,
  131005: 1005,
  131008: 1008,
  131009: 1009,
  131016: 1011,
  131021: 1021,
  131026: 1013,
  131031: 1031,
  131037: 1031,
  131042: 402,
  131043: 410,
  131045: 430,
  131047: 470,
  131048: 471,
  131049: 1013,
  131050: 1013,
  131051: 501,
  131052: 400,
  131053: 400,
  131055: 2001,
  131057: 1011,
  131062: 1013,
  131063: 2001,
  131064: 471,
  132000: 2000,
  132001: 2001,
  132005: 2005,
  132007: 2006,
  132012: 2012,
  132015: 2061,
  132016: 2062,
  132018: 2012,
  132068: 2068,
  132069: 2069,
  134011: 402,
  134100: 2001,
  134101: 2001,
  134102: 2001,
  137000: 480,
};
const UNKNOWN_OBJECT = 33;

/** The On-Premises code of an error, or `otherwise`. */
function counterpart({ code, error_subcode }: GraphError, otherwise: number): number {
  if (code === 100 && error_subcode === UNKNOWN_OBJECT) return 1006;
  if (code >= 200 && code <= 299) return 1005;
  return COUNTERPARTS[code] ?? otherwise;
}

const ASYNCHRONOUS: Readonly<Record<number, string>> = asynchronousErrors;

/** The error of a callback `failed`. Code and words of the Cloud API stand in its details. */
export function statusError(error: GraphError): ApiErrorBody {
  const code = counterpart(error, 500);
  return {
    code,
    title: ASYNCHRONOUS[code] ?? (isErrorCode(code) ? errorCatalogue[code].title : asynchronousErrors[500]),
    details: detailsOf(error),
    ...(error.href === undefined ? {} : { href: error.href }),
  };
}

/** The code with which a call is refused. Codes that only callbacks have are 1000, or 1015 where a later call may succeed. */
export function refusalCode(error: GraphError): number {
  const code = counterpart(error, 1000);
  if (isErrorCode(code)) return code;
  return code === 429 ? 1015 : 1000;
}

export function detailsOf({ code, title, message, error_data }: GraphError): string {
  const words = [title ?? message, error_data?.details].filter((text) => text !== undefined);
  return `Cloud API ${code}: ${[...new Set(words)].join(': ')}`;
}

/**
 * What to do about a message that Graph refused: `token` stops all messages until there is another access token, `pair`
 * those to one person for a while, `number` all of them for a while.
 */
export type Remedy = 'never' | 'pair' | 'number' | 'transient' | 'spam' | 'token' | 'unregistered';

const REMEDIES: Readonly<Record<number, Remedy>> = {
  4: 'number',
  190: 'token',
  80007: 'number',
  130429: 'number',
  131016: 'transient',
  131048: 'spam',
  131053: 'transient',
  131056: 'pair',
  131057: 'transient',
  // Sending begins again when the number is connected.
  133010: 'unregistered',
};

export const remedyOf = ({ code }: GraphError): Remedy => REMEDIES[code] ?? 'never';

/** Whether a message that was refused with it may be posted again. */
export const isRetried = (error: GraphError): boolean => remedyOf(error) !== 'never';

/** All codes of which more is known than that they are errors. */
export const knownGraphCodes: readonly number[] = [
  ...new Set([...Object.keys(COUNTERPARTS), ...Object.keys(REMEDIES)].map(Number)),
];
