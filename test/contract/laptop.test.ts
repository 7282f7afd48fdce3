import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { freePort, listen } from '../../src/base/ports.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import { startLaptop } from '../../src/stack/laptop.ts';
import { LAPTOP_DEFAULTS } from '../../src/stack/laptopDefaults.ts';
import { eventually } from '../support/eventually.ts';

const never = new AbortController().signal;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-laptop-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const start = async (version: string, more: Partial<Parameters<typeof startLaptop>[0]> = {}) =>
  startLaptop(
    {
      dataFolder: folder,
      port: await freePort(),
      phoneNumber: LAPTOP_DEFAULTS.phoneNumber,
      version,
      clock: systemClock,
      logger: silentLogger,
      ...more,
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

  it('posts to a plain HTTP webhook, has the password that it is given, and keeps its folder to itself', async () => {
    const received: string[] = [];
    const receiver = createServer((request, response) => {
      request.on('data', (chunk) => void received.push(String(chunk))).on('end', () => response.end());
    });
    const port = await listen(receiver, { host: '127.0.0.1', port: 0 });
    const password = 'Passw0rd!-mine';
    const webhook = { url: `http://localhost:${port}/hook` };
    const laptop = await start('v2.59.3', { webhook, password });
    try {
      expect(laptop.password).toBe(password);
      await expect(start('v2.59.3')).rejects.toMatchObject({
        code: 'InUse',
        message: expect.stringContaining(`process ${process.pid} (the emulator on port`),
      });
      const number = LAPTOP_DEFAULTS.phoneNumber.slice(1);
      await fetch(`${laptop.controlUrl}/numbers/${number}/messages`, {
        method: 'POST',
        body: JSON.stringify({ from: '16505551234', text: 'Hi' }),
      });
      await eventually(() => received.some((body) => body.includes('"body":"Hi"')));
      const client = new StackClient(
        new HttpsStackTransport({
          host: 'localhost',
          port: Number(new URL(laptop.url).port),
          serverName: 'localhost',
          ca: await readFile(laptop.caFile, 'utf8'),
        }),
      );
      const session = await client.users.login(laptop.username, password, {}, never);
      const patch = (url: string) => client.settings.patchApplication(session, { webhooks: { url } }, never);
      await patch('http://localhost:3000/other');
      await expect(patch('http://shop.example/')).rejects.toMatchObject({ apiCode: 1009 });
    } finally {
      await laptop.close();
      receiver.close();
    }
    await expect(start('v2.59.3', { webhook: { url: 'notaurl' } })).rejects.toMatchObject({
      code: 'BadWebhook',
    });
  });

  it('keeps its data in its folder, and none without one', async () => {
    const own = await mkdtemp(join(tmpdir(), 'waba-laptop-kept-'));
    const about = (text: string) => ({ seed: { about: { text } } });
    const aboutOf = async (laptop: Awaited<ReturnType<typeof start>>) => {
      const login = await fetch(`${laptop.url}/v1/users/login`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${laptop.username}:${laptop.password}`)}` },
      });
      const { users } = (await login.json()) as { users: { token: string }[] };
      const headers = { authorization: `Bearer ${users[0]?.token}` };
      const answer = await fetch(`${laptop.url}/v1/settings/profile/about`, { headers });
      return answer.status === 200 ? JSON.stringify(await answer.json()) : '';
    };
    try {
      for (const dataFolder of [own, undefined]) {
        const first = await start('v2.57.1', { dataFolder, tls: false, ...about('Open from nine to five') });
        await first.close();
        const second = await start('v2.57.1', { dataFolder, tls: false });
        expect((await aboutOf(second)).includes('nine to five')).toBe(dataFolder !== undefined);
        await second.close();
      }
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  });

  it('answers refusals with the address of a page that explains them', async () => {
    const laptop = await start('v2.57.1', { dataFolder: undefined, tls: false });
    try {
      const answer = await fetch(`${laptop.url}/v1/nothing`);
      const [error] = ((await answer.json()) as { errors: { href: string }[] }).errors;
      const page = await fetch(error?.href ?? '', { headers: { accept: 'text/html' } });
      expect(await page.text()).toContain('<h1>1014 Internal error</h1>');
      expect(await (await fetch(error?.href ?? '')).json()).toMatchObject({
        code: 1014,
        cause: expect.any(String),
      });
      expect(await (await fetch(`${laptop.controlUrl}/llms.txt`)).text()).toContain(
        '/control/v1/callbacks/expect',
      );
    } finally {
      await laptop.close();
    }
  });
});
