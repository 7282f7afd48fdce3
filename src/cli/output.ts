import { Option } from 'commander';
import { dump } from 'js-yaml';
import type { CliHost } from './context.ts';

/**
 * Option `--output` of the commands that print text for people, and JSON or YAML for programs. `more` names forms of text
 * that the command prints itself.
 */
export const outputOption = (...more: ('wide' | 'name')[]): Option =>
  new Option('-o, --output <format>', 'output format')
    .choices(['text', 'json', 'yaml', ...more])
    .default('text');

/** Whether a value of `--output` asks for data, which `printData` prints. */
export const isData = (output: string): boolean => output === 'json' || output === 'yaml';

export function printData({ stdout }: Pick<CliHost, 'stdout'>, output: string, value: unknown): void {
  // By way of JSON, so that both forms leave out the same fields.
  const json = JSON.stringify(value, null, 2);
  stdout.write(output === 'yaml' ? dump(JSON.parse(json), { noRefs: true }) : `${json}\n`);
}
