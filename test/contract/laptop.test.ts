import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { freePort } from '../../src/base/ports.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import { LAPTOP_DEFAULTS, startLaptop } from '../../src/stack/laptop.ts';

const never = new AbortController().signal;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-laptop-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const start = async (version: string) =>
  startLaptop(
    {
      dataFolder: folder,
      port: await freePort(),
      phoneNumber: LAPTOP_DEFAULTS.phoneNumber,
      version,
      clock: systemClock,
      logger: silentLogger,
    },
    never,
  );

describe('laptop mode', () => {
  it('stands for the version that it is told, and refuses data of a newer one', async () => {
    const laptop = await start('v2.59.3');
    try {
      const ca = await readFile(laptop.caFile, 'utf8');
      const client = new StackClient(
        new HttpsStackTransport({
          host: 'localhost',
          port: Number(new URL(laptop.url).port),
          serverName: 'localhost',
          ca,
        }),
      );
      const session = await client.users.login(laptop.username, laptop.password, {}, never);
      expect(Object.values(await client.support.nodes(session, never))).toMatchObject([
        { version: 'v2.59.3' },
      ]);
    } finally {
      await laptop.close();
    }
    await expect(start('v2.57.1')).rejects.toMatchObject({
      code: 'SchemaTooNew',
      message: expect.stringContaining('the database has the schema of v2.59; this client is v2.57.1;'),
    });
  });
});
