import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { template } from '../support/simulation.ts';
import { TestPage } from '../support/testPage.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);
const ANA = '16505551234';
const HOSTILE = '<img src=x onerror="document.title=\'broken\'">';

let test: TestPage;

beforeAll(async () => {
  test = await TestPage.start('page_chats_');
});
afterAll(() => test?.close());

type Message = Record<string, unknown> & { id: string };
const fromAna = async (wanted: (message: Message) => boolean) =>
  (await test.simulation.waitForMessage(
    (message) => message.from === ANA && wanted(message as Message),
  )) as Message;
const send = (message: object) => test.simulation.send({ to: ANA, ...message } as never);

describe('chats', () => {
  it('begin with somebody new, and show no form before', async () => {
    const { page, bubble, simulation } = test;
    await page.getByText('Nobody here yet').waitFor();
    for (const id of ['compose', 'person-pane'])
      expect([id, await page.locator(`#${id}`).isVisible()]).toEqual([id, false]);
    await page.getByRole('button', { name: 'New person' }).click();
    await page.getByLabel('Phone number').fill('+1 650 555 1234');
    await page.getByLabel('Name', { exact: true }).last().fill('Ana');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('heading', { name: 'Ana' }).first().waitFor();
    await test.write('Are you *open*?');
    expect(
      await fromAna(({ text }) => (text as { body?: string })?.body === 'Are you *open*?'),
    ).toMatchObject({
      type: 'text',
    });
    await bubble('Are you open?').locator('strong', { hasText: 'open' }).waitFor();
    const id = await send({ text: { body: 'We are, until nine: https://shop.example' } });
    await bubble('until nine').getByText('read', { exact: true }).waitFor({ state: 'attached' });
    const link = bubble('until nine').getByRole('link', { name: 'https://shop.example' });
    expect(await link.getAttribute('rel')).toContain('noreferrer');
    await simulation.waitForStatus(id, 'read');
  });

  it('answer a message, and jump to what is quoted', async () => {
    const { page, bubble } = test;
    await bubble('until nine').hover();
    await bubble('until nine').getByRole('button', { name: 'Message actions' }).click();
    await test.choose('Reply');
    await test.write('Thank you');
    const answer = await fromAna(({ text }) => (text as { body?: string })?.body === 'Thank you');
    expect(answer.context).toMatchObject({ id: expect.stringMatching(/^gB/) });
    await bubble('Thank you')
      .getByRole('button', { name: /The business/ })
      .click();
    await page.locator('li.highlight', { hasText: 'until nine' }).waitFor();
    await send({ text: { body: 'You are welcome' }, context: { message_id: answer.id } });
    await bubble('You are welcome').getByRole('button', { name: 'Ana Thank you' }).waitFor();
  });

  it('show reactions of both sides at the message', async () => {
    const { bubble } = test;
    const { id } = await fromAna(({ text }) => (text as { body?: string })?.body === 'Are you *open*?');
    await send({ type: 'reaction', reaction: { message_id: id, emoji: '🙏' } });
    await bubble('Are you open?').getByRole('img', { name: 'The business reacted with 🙏' }).waitFor();
    await bubble('until nine').hover();
    await bubble('until nine').getByRole('button', { name: 'Message actions' }).click();
    await test.choose('❤️');
    expect(await fromAna(({ type }) => type === 'reaction')).toMatchObject({ reaction: { emoji: '❤️' } });
    const reacted = bubble('until nine').getByRole('img', { name: 'Ana reacted with ❤️' });
    await reacted.waitFor();
    await bubble('until nine').getByRole('button', { name: 'Message actions' }).click();
    await test.choose('Take reaction back');
    await reacted.waitFor({ state: 'detached' });
  });

  it('show media of the business', async () => {
    const id = await test.simulation.upload(PNG, 'image/png');
    await send({ type: 'image', image: { id, caption: 'Our *shop*' } });
    const picture = test.bubble('Our shop').getByRole('img');
    await eventually(() => picture.evaluate((image: { naturalWidth: number }) => image.naturalWidth === 1));
    await send({ type: 'document', document: { id, filename: 'price list.png' } });
    expect(await test.bubble('price list.png').getByRole('link').getAttribute('download')).toBe(
      'price list.png',
    );
  });

  it('answer with a button and a row of a list', async () => {
    const { bubble, simulation } = test;
    const interactive = {
      type: 'button',
      body: { text: 'Shall we deliver?' },
      action: { buttons: [{ type: 'reply', reply: { id: 'yes', title: 'Yes, please' } }] },
    };
    const question = await send({ type: 'interactive', interactive });
    await bubble('Shall we deliver?').getByRole('button', { name: 'Yes, please' }).click();
    expect(
      await fromAna(({ interactive: reply }) => (reply as { type?: string })?.type === 'button_reply'),
    ).toMatchObject({
      interactive: { button_reply: { id: 'yes', title: 'Yes, please' } },
      context: { id: question, from: simulation.stack.number },
    });
    const sections = [{ title: 'Today', rows: [{ id: 't1', title: 'At five', description: 'or so' }] }];
    const list = { type: 'list', body: { text: 'When?' }, action: { button: 'Times', sections } };
    await send({ type: 'interactive', interactive: list });
    for (const label of ['Times', 'Today', 'or so']) await bubble('When?').getByText(label).waitFor();
    await bubble('When?').getByRole('button', { name: 'At five' }).click();
    await fromAna(({ interactive: reply }) => (reply as { type?: string })?.type === 'list_reply');
  });

  it('fill in templates, and send their quick replies', async () => {
    const { bubble, simulation } = test;
    const words = {
      body: 'Dear {{1}}, your order is on its way.',
      footer: 'The shop',
      buttons: ['Track it'],
    };
    await simulation.ofNumber('PUT', 'templates', [
      { namespace: 'ns', name: 'order', language: 'en', ...words },
    ]);
    const components = [
      { type: 'body', parameters: [{ type: 'text', text: 'Ana' }] },
      {
        type: 'button',
        sub_type: 'quick_reply',
        index: 0,
        parameters: [{ type: 'payload', payload: 'T-7' }],
      },
    ];
    await send({ type: 'template', template: template({ components }) });
    const shown = bubble('Dear Ana, your order is on its way.');
    await shown.getByText('The shop').waitFor();
    await shown.getByRole('button', { name: 'Track it' }).click();
    expect(await fromAna(({ type }) => type === 'button')).toMatchObject({
      button: { payload: 'T-7', text: 'Track it' },
    });
    await simulation.ofNumber('PUT', 'templates', []);
  });

  it('show places, contacts and stickers of the business', async () => {
    const { bubble, simulation } = test;
    await send({ type: 'location', location: { latitude: 52.5, longitude: 13.4, name: 'Our place' } });
    await bubble('Our place').getByRole('link', { name: '52.50000, 13.40000' }).waitFor();
    const card = {
      name: { formatted_name: 'Maria Silva', first_name: 'Maria' },
      phones: [{ phone: '+1 650' }],
    };
    await send({ type: 'contacts', contacts: [card] });
    await bubble('Maria Silva').getByText('+1 650').waitFor();
    const sticker = await readFile('src/stack/network/page/samples/sticker.webp');
    await send({ type: 'sticker', sticker: { id: await simulation.upload(sticker, 'image/webp') } });
    await test.page.getByRole('img', { name: 'sticker of type image/webp' }).waitFor();
  });
});

describe('what a person sends', () => {
  it.each([
    ['Photo', { type: 'image', image: { mime_type: 'image/jpeg', caption: 'The view from here' } }],
    ['Video', { type: 'video', video: { mime_type: 'video/mp4' } }],
    ['Audio file', { type: 'audio', audio: { mime_type: 'audio/mpeg' } }],
    ['Voice message', { type: 'voice', voice: { mime_type: 'audio/ogg; codecs=opus' } }],
    ['Document', { type: 'document', document: { filename: 'sample.pdf' } }],
    ['Sticker', { type: 'sticker', sticker: { mime_type: 'image/webp' } }],
    ['Location', { type: 'location', location: { name: 'Brandenburg Gate' } }],
    ['Contact', { type: 'contacts', contacts: [{ name: { formatted_name: 'Maria Silva' } }] }],
    ['Order', { type: 'order', order: { catalog_id: 'catalog-1' } }],
    ['Message after an ad', { type: 'text', referral: { source_type: 'ad' } }],
    ['Type that the client does not know', { type: 'unknown', errors: [{ code: 501 }] }],
  ])('is a %s with one click', async (label, expected) => {
    await test.page.getByRole('button', { name: 'Send something else' }).click();
    await test.choose(label);
    const isExpected = (message: Message) =>
      message.type === expected.type && !('referral' in expected && !message.referral);
    expect(await fromAna(isExpected)).toMatchObject(expected);
  });

  it('is a file, any message as JSON, and a recorded voice', async () => {
    const { page } = test;
    const buffer = Buffer.from('id,price\n1,9');
    await page
      .getByLabel('File', { exact: true })
      .setInputFiles({ name: 'list.csv', mimeType: 'text/csv', buffer });
    expect(
      await fromAna(({ document }) => (document as { filename?: string })?.filename === 'list.csv'),
    ).toMatchObject({ document: { mime_type: 'text/csv' } });

    await page.getByRole('button', { name: 'Send something else' }).click();
    await test.choose('Any message…');
    await page.getByLabel('Message as JSON').fill('{"text": "as JSON"}');
    await page.getByRole('button', { name: 'Send', exact: true }).last().click();
    await fromAna(({ text }) => (text as { body?: string })?.body === 'as JSON');

    await page.getByRole('button', { name: 'Record voice message' }).click();
    await page.getByRole('button', { name: 'Stop and send' }).click({ delay: 300 });
    await fromAna(({ voice }) =>
      /webm|codecs=opus$/.test(String((voice as { mime_type?: string })?.mime_type)),
    );
  });
});

describe('a person', () => {
  it('is of another kind with one click', async () => {
    const { page, simulation } = test;
    const kind = (name: string) =>
      page.getByRole('group', { name: 'Kind of person' }).getByRole('button', { name });
    await kind('Never reads').click();
    await page.locator('[aria-pressed=true]', { hasText: 'Never reads' }).waitFor();
    const id = await send({ text: { body: 'unread?' } });
    await simulation.waitForStatus(id, 'delivered');
    await kind('Reads soon').click();
    await page.locator('[aria-pressed=true]', { hasText: 'Reads soon' }).waitFor();
    expect(simulation.receiver.statuses(id)).toEqual(['sent', 'delivered']);
  });

  it('takes messages as they are told to', async () => {
    const { page, simulation, bubble } = test;
    await page.getByLabel('Has blocked the business').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('has blocked the business', { exact: false }).first().waitFor();
    const id = await send({ text: { body: 'blocked?' } });
    await simulation.waitForStatus(id, 'sent');
    await bubble('blocked?').getByText('sent', { exact: true }).waitFor({ state: 'attached' });
    expect(simulation.receiver.statuses(id)).toEqual(['sent']);
    await page.getByLabel('Has blocked the business').uncheck();
    await page.getByLabel('Messages fail with code').fill('1026');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved').waitFor();
    await send({ text: { body: 'fails?' } });
    await bubble('fails?').getByText('1026 Receiver incapable').waitFor();
    await page.getByLabel('Messages fail with code').fill('');
    await page.getByRole('button', { name: 'Save' }).click();
  });

  it('has a line in the chat about a new phone', async () => {
    const { page, bubble } = test;
    await page.getByRole('button', { name: 'Gets a new phone' }).click();
    await page.getByText('has a new phone, and with it another identity').waitFor();
    await bubble(`+${ANA} has a new phone, and with it another security code`).waitFor();
  });

  it('keeps the conversation when the number changes', async () => {
    const { page, bubble } = test;
    await page.getByRole('button', { name: 'Changes number…' }).click();
    await page.getByLabel('New phone number').fill('+1 650 555 9999');
    await page.getByRole('button', { name: 'Change number', exact: true }).click();
    await page.waitForURL(/16505559999$/);
    await bubble(`+${ANA} is +16505559999 now`).waitFor();
    await bubble('Thank you').waitFor();
    expect(await page.getByRole('link', { name: /^Ana/ }).count()).toBe(1);
  });

  it('is shown as text, whatever their name and their messages are', async () => {
    const { page, simulation, bubble } = test;
    const person = '16505550666';
    await simulation.writes(person, { text: HOSTILE, profileName: HOSTILE });
    for (const type of ['location', 'contacts', 'order', 'interactive', 'button', 'reaction'])
      await simulation.writes(person, { type, [type]: [{ a: HOSTILE, name: HOSTILE }, HOSTILE] });
    await simulation.writes(person, { type: 'poll', poll: { [HOSTILE]: HOSTILE } });
    await test.open(`chats/${person}`);
    await bubble(HOSTILE).first().waitFor();
    await page.getByRole('heading', { name: HOSTILE }).first().waitFor();
    await eventually(async () => (await page.getByRole('log').getByRole('listitem').count()) >= 8);
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    expect(await page.title()).not.toBe('broken');
  });

  it('goes with their chat once that is confirmed, and stays if not', async () => {
    const { page, simulation, bubble } = test;
    const person = '16505550777';
    const link = page.getByRole('link', { name: /^Eve/ });
    await simulation.writes(person, { text: 'Good bye', profileName: 'Eve' });
    await test.open(`chats/${person}`);
    await bubble('Good bye').waitFor();
    await page.getByRole('heading', { name: 'Eve' }).first().waitFor();
    await page.getByRole('button', { name: 'Delete person…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete Eve?' });
    await dialog.getByRole('button', { name: 'Close' }).click();
    expect(await link.count()).toBe(1);
    await page.getByRole('button', { name: 'Delete person…' }).click();
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.waitForURL(/#\/chats$/);
    await link.waitFor({ state: 'detached' });
    await simulation.writes(person, { text: 'Hello again' });
    await test.open(`chats/${person}`);
    await bubble('Hello again').waitFor();
    expect(await bubble('Good bye').count()).toBe(0);
  });

  it('logged no error in all of this', () => {
    expect(test.problems).toEqual([]);
  });
});
