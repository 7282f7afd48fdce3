import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { nextWords } from './completionCommand.ts';

const program = new Command('kubectl-waba');
program.command('status').option('-o, --output <format>').option('-n, --namespace <name>');
program.addCommand(new Command('hidden'), { hidden: true });
const namespace = program.command('namespace');
namespace.command('enable');
namespace.command('disable');

describe('completion', () => {
  it('offers commands, then their subcommands, then options', () => {
    expect(nextWords(program, [''])).toEqual(['status', 'namespace', '--help']);
    expect(nextWords(program, ['na'])).toEqual(['namespace']);
    expect(nextWords(program, ['namespace', ''])).toEqual(['enable', 'disable', '--help']);
    expect(nextWords(program, ['status', 'shop', '--'])).toEqual(['--output', '--namespace', '--help']);
  });
});
