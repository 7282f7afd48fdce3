import type { CliHost } from './context.ts';

/**
 * Whether people see colours: on a terminal, unless `NO_COLOR` is set or the terminal is dumb (https://no-color.org).
 * `FORCE_COLOR` asks for them elsewhere too.
 */
export function isColoured(
  { env }: Pick<CliHost, 'env'>,
  stream: { readonly isTTY?: boolean | undefined },
): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return stream.isTTY === true && env.TERM !== 'dumb';
}
