import { InvalidArgumentError } from 'commander';

/** Parses the value of a `--port` option. @throws InvalidArgumentError */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('Use a number from 1 to 65535.');
  return port;
}
