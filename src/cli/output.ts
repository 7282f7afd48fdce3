import { Option } from 'commander';
import type { CliHost } from './context.ts';

/** Option `--output` of the commands that print text for people and JSON for programs. */
export const outputOption = (): Option =>
  new Option('-o, --output <format>', 'output format').choices(['text', 'json']).default('text');

export const printJson = ({ stdout }: CliHost, value: unknown): void =>
  void stdout.write(`${JSON.stringify(value, null, 2)}\n`);
