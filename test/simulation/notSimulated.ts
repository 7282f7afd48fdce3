import { CodedError } from '../../src/base/codedError.ts';

/** The simulation does not know how a real server would answer, and never guesses. */
export class NotSimulated extends CodedError {
  constructor(what: string) {
    super('NotSimulated', `${what} is not simulated; prove it on a real API server, then add it here`);
  }
}
