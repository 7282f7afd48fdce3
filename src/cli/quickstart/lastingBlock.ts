import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { BLOCKING_REASONS, fixOf } from '../../operator/resource/conditions.ts';

/** Something that keeps a thing from becoming ready. */
export interface Block {
  readonly reason: string;
  readonly message: string;
}

/** Some causes pass in the moments between two steps. */
const PATIENCE_MS = 10_000;

/** Notices that what waiting cannot mend has lasted, so that a wait can end at once. */
export class LastingBlock {
  readonly #clock: Clock;
  /** What is waited for, and the command that shows more about it. */
  readonly #of: { readonly what: string; readonly command: string };
  #reason: string | undefined;
  #sinceMs = 0;

  constructor(clock: Clock, of: { readonly what: string; readonly command: string }) {
    this.#clock = clock;
    this.#of = of;
  }

  /** @throws CodedError `Blocked` with the reason, the way out and the command that shows more */
  check(block: Block | undefined): void {
    const reason = block && BLOCKING_REASONS.has(block.reason) ? block.reason : undefined;
    if (reason !== this.#reason) {
      this.#reason = reason;
      this.#sinceMs = this.#clock.monotonic();
    }
    if (!block || reason === undefined || this.#clock.monotonic() - this.#sinceMs < PATIENCE_MS) return;
    const { what, command } = this.#of;
    const fix = fixOf(reason);
    throw new CodedError(
      'Blocked',
      [`${what} waits for you (${reason}): ${block.message}`, ...(fix ? [fix] : []), `See: ${command}`].join(
        '\n',
      ),
    );
  }
}
