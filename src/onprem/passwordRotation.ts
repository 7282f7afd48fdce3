import { createHash } from 'node:crypto';

/**
 * Variables of `waba-emulator rotate-password`, besides the `WA_DB_*` of the stack: the account that gets a password, or
 * loses its own.
 */
export const ROTATION_VARIABLES = {
  username: 'WABA_DB_ACCOUNT',
  password: 'WABA_DB_ACCOUNT_PASSWORD',
  /** `passwordMark` of the password. A kubelet may give a container the values that a Secret had a moment ago. */
  mark: 'WABA_DB_ACCOUNT_MARK',
} as const;

/** `prepare` makes the account with the password; `retire` locks it once nobody is logged in. */
export const ROTATION_WORK = ['prepare', 'retire'] as const;
export type RotationWork = (typeof ROTATION_WORK)[number];

/** Tells two generated passwords apart, and nothing about them. */
export const passwordMark = (password: string): string =>
  createHash('sha256').update(`rotation/${password}`).digest('hex').slice(0, 8);
