/** The exit code of a command that SIGINT ended. */
export const INTERRUPTED = 130;

/** Ends a command that has said everything with an exit code of its own. */
export class CommandExit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}
