import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { nextWords } from './completionCommand.ts';

const program = new Command('kubectl-waba');
program.command('status').option('-o, --output <format>').option('-n, --namespace <name>');
program.addCommand(new Command('hidden'), { hidden: true });
const namespace = program.command('namespace');
namespace.command('enable');
namespace.command('disable');
const backup = program.command('backup');
backup.command('create', { isDefault: true }).option('--media');
backup.command('list').option('-o, --output <format>');

describe('completion', () => {
  it('offers commands, then their subcommands, then options', () => {
    expect(nextWords(program, [''])).toEqual(['status', 'namespace', 'backup', '--help']);
    expect(nextWords(program, ['na'])).toEqual(['namespace']);
    expect(nextWords(program, ['namespace', ''])).toEqual(['enable', 'disable', '--help']);
    expect(nextWords(program, ['status', 'shop', '--'])).toEqual(['--output', '--namespace', '--help']);
  });

  it('offers the options of the subcommand that is meant when none is named', () => {
    expect(nextWords(program, ['backup', ''])).toEqual(['create', 'list', '--help']);
    expect(nextWords(program, ['backup', 'shop', '--'])).toEqual(['--media', '--help']);
    expect(nextWords(program, ['backup', 'list', '--'])).toEqual(['--output', '--help']);
  });
});
