import { CodedError } from '../../base/codedError.ts';

/** What keeps the operator from a stack's API, or from making the stack what the resource declares. */
export type ApplicationErrorCode =
  /** A Secret, or a key of it, does not exist. */
  | 'SecretMissing'
  /** The stack would refuse the password in a Secret. */
  | 'PasswordRefused'
  /** The PIN in a Secret does not have six digits. */
  | 'PinRefused'
  /** A schedule in the resource is not a cron expression. */
  | 'BadSchedule'
  /** The stack accepts none of the admin passwords that the operator knows. */
  | 'CredentialsUnknown'
  /** A Webapp presents a certificate that the operator cannot pin. */
  | 'WrongCertificate'
  /** A Webapp does not complete the TLS handshake in time. */
  | 'Deadline';

/** The message names the object, the key or field, and the fix. */
export class ApplicationError extends CodedError {
  override readonly code: ApplicationErrorCode;

  constructor(
    code: ApplicationErrorCode,
    message: string,
    options: { readonly retriable?: boolean; readonly cause?: unknown } = {},
  ) {
    super(code, message, options);
    this.code = code;
  }
}
