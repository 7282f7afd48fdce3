import { CodedError } from '../base/codedError.ts';
import { safeJson } from '../base/safeJson.ts';
import { failure } from '../onprem/envelope.ts';
import { errorCatalogue, isErrorCode } from '../onprem/errorCatalogue.ts';

/** The stack refused a call. Branch on `apiCode`; of the HTTP statuses only 401 is reliable. */
export class StackError extends CodedError {
  readonly status: number;
  /** `errors[0].code`, if the answer has one. */
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

/** The stack did not answer. It may have done what was asked, unless the request certainly never left. */
export class StackUnreachable extends CodedError {
  /** False if no byte of the request was sent: refused connection, unknown host, a certificate that is not trusted. */
  readonly mayHaveArrived: boolean;

  constructor(call: string, cause: unknown, { mayHaveArrived = true } = {}) {
    super('Unreachable', `${call}: ${mayHaveArrived ? 'no answer' : 'no connection'}`, {
      retriable: true,
      cause,
    });
    this.mayHaveArrived = mayHaveArrived;
  }
}

export const isUnauthorised = (error: unknown): boolean =>
  error instanceof StackError && error.status === 401;
