import { CodedError } from '../base/codedError.ts';
import { safeJson } from '../base/safeJson.ts';
import { failure } from '../onprem/envelope.ts';
import { errorCatalogue, isErrorCode } from '../onprem/errorCatalogue.ts';

/** The stack answered, and refused. Branch on `apiCode`; the HTTP status is not reliable, except for 401. */
export class StackError extends CodedError {
  readonly status: number;
  /** `errors[0].code`, where there is one. */
  readonly apiCode: number | undefined;
  readonly details: string | undefined;

  constructor(call: string, status: number, body: string) {
    const parsed = failure.safeParse(safeJson(body));
    const error = parsed.success ? parsed.data.errors[0] : undefined;
    const text = error
      ? `${error.code} ${error.title}${error.details ? `: ${error.details}` : ''}`
      : `HTTP ${status}`;
    super(error ? `Api${error.code}` : `Http${status}`, `${call}: ${text}`, {
      retriable:
        error && isErrorCode(error.code)
          ? errorCatalogue[error.code].retriable
          : status >= 500 || status === 429,
    });
    this.status = status;
    this.apiCode = error?.code;
    this.details = error?.details;
  }
}

/** No answer. What was asked may have been done. */
export class StackUnreachable extends CodedError {
  constructor(call: string, cause: unknown) {
    super('Unreachable', `${call}: no answer`, { retriable: true, cause });
  }
}

export const isUnauthorised = (error: unknown): boolean =>
  error instanceof StackError && error.status === 401;
