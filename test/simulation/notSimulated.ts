import { CodedError } from '../../src/base/codedError.ts';

/** Thrown where no test has established how a real server answers, because the simulation must not guess. */
export class NotSimulated extends CodedError {
  constructor(what: string) {
    super(
      'NotSimulated',
      `${what} is not simulated; prove it on a real API server (test/control-plane/apiServerContract.test.ts), then add it to test/simulation`,
    );
  }
}
