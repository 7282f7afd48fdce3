import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dumpScript } from './contract/dumpScript.ts';
import { giveUp } from './toolPipe.ts';

describe('an agent that gives up', () => {
  it('ends the script beside it before it has asked for anything', { timeout: 20_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waba-pipe-'));
    const script = spawn('sh', ['-c', dumpScript('MYSQL')], {
      env: { PATH: process.env.PATH, WABA_BACKUP_PIPE: folder },
      stdio: 'ignore',
    });
    const ended = once(script, 'exit');
    await giveUp(folder);
    expect(await ended).toEqual([143, null]);
  });

  it('does not mind a folder that is not there', async () => {
    await giveUp('/nonexistent/pipe');
  });
});
