import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findExecutable } from '../../src/base/childProcess.ts';
import { testPostgres } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { Simulation, template } from '../support/simulation.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);
const ANA = '16505551234';

let database: Awaited<ReturnType<typeof testPostgres>>;
let simulation: Simulation;
let browser: Browser;
let page: Page;
let folder: string;
const problems: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-page-'));
  database = await testPostgres();
  simulation = await Simulation.start(database, 'page_');
  browser = await chromium.launch({
    executablePath:
      process.env.CHROMIUM ?? findExecutable('chromium', process.env.PATH) ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
    ],
  });
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(simulation.controlUrl);
});
afterAll(async () => {
  if (process.env.SCREENSHOT) await page?.screenshot({ path: process.env.SCREENSHOT });
  await browser?.close();
  await simulation?.close();
  await database?.close();
  await rm(folder, { recursive: true, force: true });
});

const bubble = (text: string) => page.getByRole('log').getByRole('listitem').filter({ hasText: text });
const fromAna = (wanted: (message: Record<string, unknown>) => boolean) =>
  simulation.waitForMessage((message) => message.from === ANA && wanted(message));

describe('the page of simulated people', () => {
  it('adds a person who writes; the business answers, and both see the statuses', async () => {
    await page.getByLabel('Phone number').fill('+1 650 555 1234');
    await page.getByLabel('Name').fill('Ana');
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('button', { name: /^Ana/ }).waitFor();
    await page.getByLabel('Message', { exact: true }).fill('Are you open?');
    await page.keyboard.press('Enter');
    const message = await fromAna(({ text }) => (text as { body?: string })?.body === 'Are you open?');
    expect(message).toMatchObject({ from: ANA, type: 'text' });
    await simulation.send({ to: ANA, text: { body: 'We are, until <b>nine</b>.' } });
    // The page shows markup as text.
    await bubble('until <b>nine</b>').waitFor();
    await bubble('until <b>nine</b>').filter({ hasText: 'read' }).waitFor();
  });

  it('shows pictures and documents that the business sends', async () => {
    const media = await simulation.upload(PNG, 'image/png');
    await simulation.send({ to: ANA, type: 'image', image: { id: media, caption: 'Our shop' } });
    const picture = bubble('Our shop').getByRole('img');
    await picture.waitFor();
    await eventually(() => picture.evaluate((image: { naturalWidth: number }) => image.naturalWidth === 1));
  });

  it('answers with a button, a list row, a quick reply and a reaction', async () => {
    const interactive = {
      type: 'button',
      body: { text: 'Shall we deliver?' },
      action: { buttons: [{ type: 'reply', reply: { id: 'yes', title: 'Yes, please' } }] },
    };
    const question = await simulation.send({ to: ANA, type: 'interactive', interactive });
    await bubble('Shall we deliver?').getByRole('button', { name: 'Yes, please' }).click();
    expect(
      await fromAna(({ interactive: reply }) => (reply as { type?: string })?.type === 'button_reply'),
    ).toMatchObject({
      interactive: { button_reply: { id: 'yes', title: 'Yes, please' } },
      context: { id: question, from: simulation.stack.number },
    });

    const list = {
      type: 'list',
      body: { text: 'When?' },
      action: { button: 'Times', sections: [{ title: 'Today', rows: [{ id: 't1', title: 'At five' }] }] },
    };
    await simulation.send({ to: ANA, type: 'interactive', interactive: list });
    await bubble('When?').getByRole('button', { name: 'At five' }).click();
    await fromAna(({ interactive: reply }) => (reply as { type?: string })?.type === 'list_reply');

    const components = [
      { type: 'body', parameters: [{ type: 'text', text: 'Order 7' }] },
      {
        type: 'button',
        sub_type: 'quick_reply',
        index: 0,
        parameters: [{ type: 'payload', payload: 'TRACK-7' }],
      },
    ];
    await simulation.send({ to: ANA, type: 'template', template: template({ components }) });
    await bubble('Order 7').getByRole('button', { name: 'TRACK-7' }).click();
    expect(await fromAna(({ type }) => type === 'button')).toMatchObject({ button: { payload: 'TRACK-7' } });

    await bubble('Order 7').getByRole('button', { name: 'React with 👍' }).click();
    expect(await fromAna(({ type }) => type === 'reaction')).toMatchObject({ reaction: { emoji: '👍' } });
  });

  it('sends a file and a recorded voice message', async () => {
    const file = join(folder, 'receipt.pdf');
    await writeFile(file, '%PDF-1.4 receipt');
    await page.getByLabel('File').setInputFiles(file);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    expect(await fromAna(({ type }) => type === 'document')).toMatchObject({
      document: { filename: 'receipt.pdf', mime_type: 'application/pdf', id: expect.any(String) },
    });
    await page.getByRole('button', { name: 'Record voice' }).click();
    await page.getByRole('button', { name: 'Stop and send' }).click({ delay: 300 });
    const voice = await fromAna(({ type }) => type === 'voice');
    expect((voice.voice as { mime_type: string }).mime_type).toMatch(/^audio\/(ogg|webm)/);
  });

  it('changes the behaviour of a person', async () => {
    await page.getByLabel('Has blocked the business').check();
    await page.getByRole('button', { name: 'Apply' }).click();
    await eventually(async () => {
      const { people } = await simulation.read<{
        people: { waId: string; behaviour: { blocks: boolean } }[];
      }>('/people');
      return people.find(({ waId }) => waId === ANA)?.behaviour.blocks;
    });
    const id = await simulation.send({ to: ANA, text: { body: 'blocked?' } });
    await simulation.waitForStatus(id, 'sent');
    await bubble('blocked?').filter({ hasText: 'sent' }).waitFor();
    expect(simulation.receiver.statuses(id)).toEqual(['sent']);
    await page.getByLabel('Has blocked the business').uncheck();
    await page.getByRole('button', { name: 'Apply' }).click();
  });

  it('records the webhooks of a session as a fixture', async () => {
    await page.getByRole('button', { name: 'Start recording' }).click();
    await page.getByRole('button', { name: /Stop recording/ }).waitFor();
    await page.getByLabel('Message', { exact: true }).fill('for the record');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Stop recording (1)' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download fixture' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe(`webhooks-${simulation.stack.number}.json`);
  });

  it('has an accessible name for every control, and logged no error during these tests', async () => {
    const nameless = await page.evaluate(`
      [...document.querySelectorAll('button, input, select, a')]
        .filter((control) => !(control.labels?.length || control.textContent.trim() || control.getAttribute('aria-label')))
        .map((control) => control.outerHTML)`);
    expect(nameless).toEqual([]);
    expect(problems).toEqual([]);
  });
});
