import { CodedError } from '../../base/codedError.ts';
import { safeJson } from '../../base/safeJson.ts';

/** One field-level cause of a refused request. */
interface ApiErrorCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** The object that the refused request names. */
export interface ApiErrorDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly ApiErrorCause[];
  readonly retryAfterSeconds?: number;
}

interface StatusBody {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: ApiErrorDetails;
}

/** HTTP statuses after which the same request may succeed later. */
const RETRIABLE_STATUSES = new Set([408, 429, 500, 502, 503, 504]);

/** The API server refused a request. `code` is the reason of its Status, e.g. `Conflict`. */
export class ApiError extends CodedError {
  readonly status: number;
  readonly details: ApiErrorDetails;
  /** From `Retry-After`, else from the Status. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, body: StatusBody, request: string, retryAfterMs?: number) {
    super(body.reason || `Http${status}`, `${request}: ${body.message ?? `HTTP ${status}`}`, {
      retriable: RETRIABLE_STATUSES.has(status),
    });
    this.status = status;
    this.details = body.details ?? {};
    const seconds = this.details.retryAfterSeconds;
    this.retryAfterMs = retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000);
  }

  /** Parses the body of a refusal; a body that is not a Status becomes the message. */
  static parse(status: number, text: string, request: string, retryAfterMs?: number): ApiError {
    // A proxy on the way answers with text or HTML.
    const body = safeJson(text);
    if (typeof body === 'object' && body !== null && (body as { kind?: string }).kind === 'Status')
      return new ApiError(status, body as StatusBody, request, retryAfterMs);
    return new ApiError(
      status,
      { message: text.trim().slice(0, 500) || `HTTP ${status}` },
      request,
      retryAfterMs,
    );
  }
}

/** No answer: connection refused or lost, or the deadline passed. The request may have been carried out. */
export class TransportError extends CodedError {
  constructor(request: string, cause: unknown) {
    super('Transport', `${request}: no answer`, { retriable: true, cause });
  }
}

const hasStatus = (error: unknown, status: number): boolean =>
  error instanceof ApiError && error.status === status;

/** The API server does not take the object as it is. */
export const isInvalid = (error: unknown): boolean => hasStatus(error, 422);
export const isBadRequest = (error: unknown): boolean => hasStatus(error, 400);
export const isNotFound = (error: unknown): boolean => hasStatus(error, 404);
export const isConflict = (error: unknown): boolean => hasStatus(error, 409);
export const isForbidden = (error: unknown): boolean => hasStatus(error, 403);
export const isGone = (error: unknown): boolean => hasStatus(error, 410);
export const isAlreadyExists = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 'AlreadyExists';

/** Another client, or another process of ours, was faster; nothing is wrong, and the next look decides anew. */
export const isLostRace = (error: unknown): boolean =>
  error instanceof CodedError && ['Conflict', 'AlreadyExists', 'NotLeader'].includes(error.code);
