import { CodedError } from '../../base/codedError.ts';
import type { CommonReason } from '../resource/conditions.ts';

/** Why the operator cannot reach a stack's API, or cannot make the stack match the resource. */
export type ApplicationErrorCode = Extract<
  CommonReason,
  | 'BadCertificate'
  | 'BadSchedule'
  | 'CredentialsUnknown'
  | 'NoAnswer'
  | 'PasswordRefused'
  | 'PinRefused'
  | 'SecretMissing'
  | 'WrongCertificate'
>;

/** An error whose code is also the reason of the condition. The message names the object, the key or field, and the fix. */
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
