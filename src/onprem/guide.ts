/** What to know of an error. */
export interface Guide {
  /** Why the stack says this. */
  readonly cause: string;
  readonly cure: string;
  /** How it comes about in the emulator without a fault. */
  readonly trigger?: string;
  /** The type of the messages that it is about, if it is about one. */
  readonly messageType?: 'template' | 'interactive';
}

export const guide = (cause: string, cure: string, trigger?: string): Guide => ({
  cause,
  cure,
  ...(trigger === undefined ? {} : { trigger }),
});

export const RETRY = 'Send the same call again a little later.';
