import { CodedError, describeError } from '../../base/codedError.ts';
import { StackError } from '../../client/stackError.ts';
import type { CommonReason } from '../resource/conditions.ts';
import { PostponedCall } from './refusedCalls.ts';

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
  | 'SecretRefused'
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

/** Whether an error concerns one declared thing: a value of the user, or one call that the stack refused. Others go on. */
export const concernsOneThing = (error: unknown): error is CodedError =>
  error instanceof ApplicationError || error instanceof StackError || error instanceof PostponedCall;

/** One error that says what is wrong with each thing. The first one gives the reason. */
export function together(errors: readonly [CodedError, ...CodedError[]]): CodedError {
  const [first] = errors;
  return errors.length === 1
    ? first
    : new CodedError(first.code, [...new Set(errors.map(describeError))].join('; '));
}
