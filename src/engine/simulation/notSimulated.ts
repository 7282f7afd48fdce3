import { CodedError } from '../../base/codedError.ts';

/** Thrown where no test has established how a real server answers, because the simulation must not guess. */
export class NotSimulated extends CodedError {
  constructor(what: string) {
    super(
      'NotSimulated',
      `${what} is not simulated, because no test has compared it with a real API server; use a real one for this test`,
    );
  }
}
