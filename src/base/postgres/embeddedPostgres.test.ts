import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exited } from '../childProcess.ts';
import { type Clock, systemClock } from '../clock.ts';
import { freePort } from '../ports.ts';
import { startPostgres } from './embeddedPostgres.ts';

describe('the embedded PostgreSQL', { timeout: 60_000 }, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waba-postgres-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const start = (port: number, name: string, clock: Clock = systemClock) =>
    startPostgres(
      {
        dataFolder: join(folder, name),
        host: '127.0.0.1',
        port,
        username: 'waba',
        password: 'secret',
        clock,
      },
      new AbortController().signal,
    );

  it('keeps its data over a stop and over a kill, and wants the password', async () => {
    const port = await freePort();
    const query = async (text: string, password = 'secret') => {
      const client = new pg.Client({ host: '127.0.0.1', port, user: 'waba', password, database: 'postgres' });
      client.on('error', () => {});
      await client.connect();
      try {
        return (await client.query(text)).rows as unknown[];
      } finally {
        await client.end();
      }
    };

    const first = await start(port, 'data');
    await query('CREATE TABLE kept (id int)');
    await query('INSERT INTO kept VALUES (1)');
    await expect(query('SELECT 1', 'wrong')).rejects.toThrow(/password authentication failed/);
    await first.stop();

    const second = await start(port, 'data');
    expect(await query('SELECT id FROM kept')).toEqual([{ id: 1 }]);
    await query('INSERT INTO kept VALUES (2)');
    second.process.kill('SIGKILL');
    await new Promise((resolve) => second.process.once('exit', resolve));

    const third = await start(port, 'data');
    expect(await query('SELECT count(*)::int AS count FROM kept')).toEqual([{ count: 2 }]);
    await third.stop();
  });

  it.skipIf(process.platform !== 'linux')(
    'waits until the last process of a killed server has ended',
    async () => {
      const port = await freePort();
      const first = await start(port, 'slow');
      const orphans = childrenOf(first.process.pid ?? 0);
      expect(orphans).not.toEqual([]);
      // On a busy machine they notice late that their server is gone.
      const tell = (signal: NodeJS.Signals) => {
        for (const pid of orphans)
          try {
            process.kill(pid, signal);
          } catch {
            // It has ended already; others are still there.
          }
      };
      tell('SIGSTOP');
      first.process.kill('SIGKILL');
      await exited(first.process);
      let waits = 0;
      const clock: Clock = {
        ...systemClock,
        after(delayMs, callback) {
          if (++waits === WAITS) tell('SIGCONT');
          return systemClock.after(delayMs, callback);
        },
      };
      try {
        const second = await start(port, 'slow', clock);
        await second.stop();
      } finally {
        if (waits < WAITS) tell('SIGCONT');
      }
    },
  );
});

/** A server that did not wait would long have ended. */
const WAITS = 40;

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
