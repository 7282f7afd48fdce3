import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../src/base/ports.ts';
import { ANA, BuiltEmulator, NUMBER } from '../support/builtEmulator.ts';
import { eventually } from '../support/eventually.ts';

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const TEMPLATE = { namespace: 'shop_ns', name: 'order_update', language: 'en' };
/** A cold cache of npm: about 400 packages. */
const INSTALL_MS = 300_000;

let folder: string;
let webhookPort: number;
let emulator: BuiltEmulator;

/** An example with the packages that its clients publish, unchanged. */
const run = (example: string, { environment }: BuiltEmulator = emulator) =>
  execa(process.execPath, [example], {
    cwd: folder,
    env: { ...environment, PORT: String(webhookPort) },
    extendEnv: false,
  });
const write = (content: { readonly [name: string]: string }) =>
  emulator.control.write(NUMBER, { from: ANA, ...content });
const approve = (body: string) =>
  emulator.control.call('PUT /numbers/{number}/templates', {
    params: { number: NUMBER },
    body: [{ ...TEMPLATE, body }],
  });
const contents = async () => (await emulator.chat()).map(({ direction, content }) => [direction, content]);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-clients-'));
  await cp('examples/clients', folder, { recursive: true });
  await execa('npm', ['ci'], { cwd: folder });
  webhookPort = await freePort();
  emulator = await BuiltEmulator.start('--webhook', `http://127.0.0.1:${webhookPort}/webhook`);
}, INSTALL_MS);
afterAll(async () => {
  await emulator?.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => emulator.control.reset());

describe('@hyperjumptech/whatsapp-business-sender', () => {
  it('logs in, checks a contact and sends it a template', async () => {
    await approve('Order {{1}} is on its way');
    await run('sender.mjs');
    const [message] = await eventually(() => emulator.chat());
    expect(message).toMatchObject({
      direction: 'out',
      content: { template: { components: [{ parameters: [{ text: '4711' }] }] } },
    });
  });

  it('is told that a template needs another number of parameters', async () => {
    await approve('Order {{1}} of {{2}} is on its way');
    await expect(run('sender.mjs')).rejects.toThrow('status code 400');
  });
});

describe('@hyperjumptech/monika-notification', () => {
  it('sends a text', async () => {
    await write({ text: 'Tell me when the shop is down' });
    await run('alert.mjs');
    await eventually(async () => (await emulator.chat()).length === 2);
    expect((await contents())[1]).toEqual(['out', { text: { body: 'The shop does not answer' } }]);
  });

  it('takes a text for sent that nobody gets, because the customer has not written', async () => {
    await run('alert.mjs');
    const failed = { statuses: [{ status: 'failed', errors: [{ code: 470 }] }] };
    await expect(emulator.control.expectCallback(failed)).resolves.toBeDefined();
  });

  it('is told that the password is wrong', async () => {
    const other = await BuiltEmulator.start('--password', 'Another-1');
    await expect(run('alert.mjs', other)).rejects.toThrow('status code 401');
    await other.stop();
  });
});

describe('botbuilder-waba', () => {
  let bot: ReturnType<typeof run>;
  beforeAll(() => {
    bot = run('bot.mjs');
    bot.catch(() => undefined);
  });
  afterAll(() => bot.kill());
  /** @throws what the bot says if it ends */
  const chatHas = (messages: number) =>
    Promise.race([bot, eventually(async () => (await emulator.chat()).length === messages)]);

  it('gets the messages of the webhook and lets the bot answer them', async () => {
    await write({ text: 'Are you open?' });
    await chatHas(2);
    await write({ type: 'image', data: PNG, mime_type: 'image/png' });
    await chatHas(4);
    expect((await contents()).filter(([direction]) => direction === 'out')).toEqual([
      ['out', { text: { body: 'You wrote: Are you open?' } }],
      ['out', { text: { body: 'You sent: image' } }],
    ]);
  });
});
