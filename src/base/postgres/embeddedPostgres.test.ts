import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { freePort } from '../ports.ts';
import { startPostgres } from './embeddedPostgres.ts';

describe('the embedded PostgreSQL', { timeout: 60_000 }, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waba-postgres-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('keeps its data over a stop and over a kill, and wants the password', async () => {
    const port = await freePort();
    const start = () =>
      startPostgres(
        {
          dataFolder: join(folder, 'data'),
          host: '127.0.0.1',
          port,
          username: 'waba',
          password: 'secret',
          clock: systemClock,
        },
        new AbortController().signal,
      );
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

    const first = await start();
    await query('CREATE TABLE kept (id int)');
    await query('INSERT INTO kept VALUES (1)');
    await expect(query('SELECT 1', 'wrong')).rejects.toThrow(/password authentication failed/);
    await first.stop();

    const second = await start();
    expect(await query('SELECT id FROM kept')).toEqual([{ id: 1 }]);
    await query('INSERT INTO kept VALUES (2)');
    second.process.kill('SIGKILL');
    await new Promise((resolve) => second.process.once('exit', resolve));

    const third = await start();
    expect(await query('SELECT count(*)::int AS count FROM kept')).toEqual([{ count: 2 }]);
    await third.stop();
  });
});
