/** What every exit code of the CLI means: the constants, the help and docs/cli.md come from this table. */
export const EXIT_CODES = {
  DONE: { code: 0, means: 'done' },
  FAILED: { code: 1, means: 'failed; the last line on stderr says why' },
  USAGE: {
    code: 2,
    means: 'wrong usage, and nothing was done; with `plan --exit-code`: something would happen',
  },
  NOT_READY: {
    code: 3,
    means:
      'a stack is not Ready (`status --exit-code`) or a fleet is halted (`fleet status --exit-code`), not yet after `--timeout` (`wait`), or a check failed (`doctor`)',
  },
  INTERRUPTED: { code: 130, means: 'interrupted by Ctrl-C' },
  CLOSED_PIPE: { code: 141, means: 'nobody reads the output any more, as behind `| head`' },
} as const;

/** The table for a terminal. */
export const exitCodeHelp = (): string =>
  [
    '\nExit codes:',
    ...Object.values(EXIT_CODES).map(
      ({ code, means }) => `  ${String(code).padEnd(4)} ${means.replaceAll('`', '')}`,
    ),
  ].join('\n');
