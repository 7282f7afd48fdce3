import type { Clock } from '../../base/clock.ts';
import { CodedError, describeError } from '../../base/codedError.ts';
import { StackError } from '../../client/stackError.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import { Refusals } from '../../engine/kube/refusals.ts';
import { retryDelayMs } from '../plan/decide/retryDelay.ts';
import { names } from '../plan/facts/names.ts';
import type { Observation } from '../plan/facts/observed.ts';

/** What the stack may take a moment later, such as during a restart, is tried again at least this often. */
const LONGEST_RETRIABLE_MS = 60_000;

/** A call that the stack refused, and that is not made again before its time unless its inputs change. */
export class PostponedCall extends CodedError {}

/** The calls that a stack refused: passes come every few seconds, and each would make the same call again. */
export class RefusedCalls {
  readonly #refusals: Refusals;

  constructor(clock: Clock) {
    this.#refusals = new Refusals(clock, {
      isLasting: (error) => error instanceof StackError,
      delayMs: (failures, error) => {
        const longestMs =
          error instanceof CodedError && error.retriable ? LONGEST_RETRIABLE_MS : Number.POSITIVE_INFINITY;
        return Math.min(longestMs, retryDelayMs(failures, 'undone'));
      },
      told: (error, delayMs) => postponed(error, clock.now() + delayMs),
    });
  }

  /**
   * Makes a call, or throws its last refusal again while its time has not come and its inputs are the same.
   * @param what identifies the call @throws PostponedCall
   */
  guard<T>(what: string, observed: Observation, call: () => Promise<T>): Promise<T> {
    return this.#refusals.guard(what, () => inputsOf(observed), call);
  }
}

function postponed(error: unknown, untilMs: number): unknown {
  if (!(error instanceof CodedError)) return error;
  const at = new Date(untilMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const message = `${describeError(error)}; the operator tries again at ${at}, or as soon as spec or a Secret changes`;
  return new PostponedCall(error.code, message, { retriable: error.retriable, cause: error });
}

/** What a person may correct: the resource, and the Secrets that it has and refers to. */
function inputsOf({ resource, referenced, children }: Observation): string {
  const { uid, generation, name } = resource.metadata;
  // The operator itself writes the journal.
  const own = [...children.values()].filter(
    ({ kind, metadata }) => kind === 'Secret' && metadata.name !== names(name).journal,
  );
  return hashOf([
    [uid, generation],
    [...referenced.values()].map(({ name, data }) => [name, data ?? null]),
    own.map((secret) => [secret.metadata.name, (secret as { data?: unknown }).data ?? null]),
  ]);
}
