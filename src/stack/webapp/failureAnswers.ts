import { CodedError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { RETRY_AFTER_SECONDS, TooManyBodies } from '../http/bodyBudget.ts';
import type { JsonAnswer } from '../http/jsonAnswer.ts';
import { BadJson } from '../http/parseJson.ts';
import { BodyCutShort, BodyTooLarge } from '../http/readBody.ts';
import { isDatabaseError, isDataError } from '../store/isDatabaseError.ts';
import { Refusal } from '../wire/protocol.ts';
import { NoCoreapp } from './coreappRouter.ts';

export interface RefusalOptions {
  /** The HTTP status, where it is not the usual one of the code. */
  readonly status?: number | undefined;
  /** The answer is that of a Coreapp. */
  readonly relayed?: boolean;
}

/** Puts failures into the envelope. `isBehind`: the Webapp had handed the call over to a Coreapp. */
export function failureAnswers(
  refused: (code: number, details?: string, more?: RefusalOptions) => JsonAnswer,
  logger: Logger,
): (error: unknown, isBehind?: boolean) => JsonAnswer {
  return (error, isBehind = false) => {
    if (error instanceof Refusal) {
      const { code, details, status } = error;
      return refused(code, details, {
        status,
        relayed: isBehind && !(error instanceof NoCoreapp),
      });
    }
    if (error instanceof TooManyBodies) {
      const answer = refused(1016, 'Too many large bodies at once');
      answer.headers['retry-after'] = String(RETRY_AFTER_SECONDS);
      return answer;
    }
    const problem = problemOfBody(error);
    if (problem !== undefined) return refused(1025, problem);
    if (error instanceof CodedError && error.code === 'Busy') return refused(1015, 'Too many logins at once');
    if (isDataError(error)) {
      logger.warn('the database can not hold a value of a call', { error });
      return refused(1009, 'A value can not be stored');
    }
    if (isDatabaseError(error)) {
      logger.warn('the database does not answer', { error });
      return refused(1023);
    }
    logger.error('request failed', { error });
    return refused(1014);
  };
}

/** What is wrong with the body that a client sent; undefined for any other error. */
function problemOfBody(error: unknown): string | undefined {
  if (error instanceof BodyTooLarge) return 'The body is too large';
  if (error instanceof BodyCutShort) return 'The body ended early';
  return error instanceof BadJson ? error.message : undefined;
}
