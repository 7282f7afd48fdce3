import { EXIT_CODES } from './exitCodes.ts';

/** The exit code of a command that SIGINT ended. */
export const INTERRUPTED = EXIT_CODES.INTERRUPTED.code;

/** The exit code of a command that asks whether stacks are Ready, or waits for it, if they are not. */
export const NOT_READY = EXIT_CODES.NOT_READY.code;

/** Ends a command that has said everything with an exit code of its own. */
export class CommandExit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}
