/** Bodies together fill the memory that is left for them: the caller may try again. */
export class TooManyBodies extends Error {
  constructor() {
    super('too many large bodies at once; try again');
    this.name = 'TooManyBodies';
  }
}

/** What a server says in `retry-after` to whom it refuses a body for the others. */
export const RETRY_AFTER_SECONDS = 1;

/** What bodies of all requests to a server may hold at once. */
const MOST_BYTES = 64 * 1024 * 1024;
/** The beginning of each body is not counted, so that nobody keeps others from sending texts. */
export const FREE_BYTES = 16 * 1024;

/** What one request holds. */
export interface BodyShare {
  /** @returns false if the bytes are too much beside the bodies of others; nothing changes then */
  hold(bytes: number): boolean;
  release(): void;
}

/** Bounds the bodies that a server holds at once: each has a limit of its own, and a thousand of them have none. */
export class BodyBudget {
  readonly #mostBytes: number;
  #heldBytes = 0;

  constructor(mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  share(): BodyShare {
    let own = 0;
    const counted = (bytes: number) => Math.max(0, bytes - FREE_BYTES);
    const set = (bytes: number) => {
      this.#heldBytes += counted(bytes) - counted(own);
      own = bytes;
    };
    return {
      hold: (bytes) => {
        const more = counted(own + bytes) - counted(own);
        if (more > 0 && this.#heldBytes + more > this.#mostBytes) return false;
        set(own + bytes);
        return true;
      },
      release: () => set(0),
    };
  }
}
