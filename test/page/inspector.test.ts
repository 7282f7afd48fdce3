import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { TestPage } from '../support/testPage.ts';

const ANA = '16505551234';

let test: TestPage;

beforeAll(async () => {
  test = await TestPage.start('page_inspector_');
  await test.simulation.simulate('PUT', `/people/${ANA}`, { name: 'Ana' });
});
afterAll(() => test?.close());

const rows = (view: 'webhooks' | 'requests') => test.page.locator(`#${view} .record`);
const clipboard = () => test.page.evaluate('navigator.clipboard.readText()') as Promise<string>;
const bodies = (text: string) =>
  test.simulation.receiver.received.filter((callback) => JSON.stringify(callback).includes(text));

describe('the webhook inspector', () => {
  it('shows callbacks as they come, with what the receiver answered', async () => {
    const { page, simulation } = test;
    await test.open('webhooks');
    await page.getByText('No callbacks yet').waitFor();
    await simulation.writes(ANA, { text: 'first words' });
    await rows('webhooks').filter({ hasText: 'Ana: first words' }).filter({ hasText: '200' }).click();
    await page.getByRole('heading', { name: 'Message: text' }).waitFor();
    const attempt = page.locator('.attempts li');
    await attempt.filter({ hasText: '200' }).filter({ hasText: simulation.receiver.url }).waitFor();
    await page.getByRole('region', { name: 'Body' }).getByText('"first words"').waitFor();
  });

  it('counts attempts that were refused, until one is not', async () => {
    const { page, simulation } = test;
    simulation.receiver.refuse(true);
    await simulation.writes(ANA, { text: 'refused words' });
    const row = rows('webhooks').filter({ hasText: 'refused words' });
    await row.filter({ hasText: '503' }).click();
    await page.locator('.attempts li', { hasText: '503' }).first().waitFor();
    await page.getByRole('link', { name: 'Webhooks 1' }).waitFor();
    simulation.receiver.refuse(false);
    await row.filter({ hasText: '200' }).waitFor();
    await page.locator('.attempts li', { hasText: '200' }).waitFor();
    await page.getByLabel('State').selectOption('refused');
    await eventually(async () => (await rows('webhooks').count()) === 1);
    await page.getByLabel('State').selectOption('');
  });

  it('posts a callback again', async () => {
    const { page } = test;
    const before = bodies('refused words').length;
    await page.getByRole('button', { name: 'Redeliver' }).click();
    await page.getByText('Posted again').waitFor();
    await eventually(() => bodies('refused words').length > before);
    await page.getByRole('link', { name: /^callback \d+$/ }).waitFor();
  });

  it('copies a callback as a curl line', async () => {
    await test.page.getByRole('button', { name: 'Copy as curl' }).click();
    await eventually(async () => (await clipboard()).includes(test.simulation.receiver.url));
    expect(await clipboard()).toMatch(/^curl -X POST .*refused words/);
  });

  it('shows what differs from the one before', async () => {
    const { page } = test;
    await rows('webhooks').filter({ hasText: 'refused words' }).last().click();
    await page.getByRole('button', { name: 'Difference to the previous' }).click();
    await page.locator('.json .removed', { hasText: 'first words' }).waitFor();
    await page.locator('.json .added', { hasText: 'refused words' }).waitFor();
    expect(await page.locator('.json .line:not(.added, .removed)', { hasText: '"contacts"' }).count()).toBe(
      1,
    );
  });

  it('filters by text and kind, and by the message from its chat', async () => {
    const { page, simulation } = test;
    const id = await simulation.send({ to: ANA, text: { body: 'with statuses' } });
    await simulation.waitForStatus(id, 'read');
    await page.getByLabel('Kind').selectOption('messages');
    await page.getByLabel('Filter by text, person or id').fill('FIRST');
    await eventually(async () => (await rows('webhooks').count()) === 1);
    await page.getByLabel('Filter by text, person or id').fill('nothing like this');
    await page.getByText('No callback matches the filters.').waitFor();
    await page.getByLabel('Kind').selectOption('');
    await test.open(`chats/${ANA}`);
    await test.bubble('with statuses').hover();
    await test.bubble('with statuses').getByRole('button', { name: 'Message actions' }).click();
    await test.choose('Show webhooks');
    for (const status of ['sent', 'delivered', 'read'])
      await rows('webhooks')
        .filter({ hasText: `Status ${status}` })
        .waitFor();
    expect(await rows('webhooks').count()).toBe(3);
  });
});

describe('a button', () => {
  it('is not drawn anew between press and release, so that no click is lost', async () => {
    const { page, simulation } = test;
    const { action, ...content } = {
      type: 'button',
      body: { text: 'Press?' },
      action: { buttons: [] as object[] },
    };
    action.buttons.push({ type: 'reply', reply: { id: 'p', title: 'Pressed' } });
    await simulation.simulate('PUT', `/people/${ANA}`, { readAfterMs: 2_000 });
    await test.open(`chats/${ANA}`);
    await simulation.send({ to: ANA, type: 'interactive', interactive: { ...content, action } } as never);
    const button = test.bubble('Press?').getByRole('button', { name: 'Pressed' });
    await button.hover();
    await test.bubble('Press?').getByText('delivered', { exact: true }).waitFor({ state: 'attached' });
    await page.mouse.down();
    // What changes meanwhile is a name, which every bubble shows.
    await simulation.simulate('PUT', `/people/${ANA}`, { name: 'Ana Alvarez', readAfterMs: 0 });
    await simulation.writes(ANA, { text: 'meanwhile' });
    await simulation.waitForMessage(({ text }) => (text as { body?: string })?.body === 'meanwhile');
    await page.mouse.up();
    await simulation.waitForMessage(({ type }) => type === 'interactive');
  });
});

describe('the request log', () => {
  it('explains a refusal, and marks the parameter', async () => {
    const { page, simulation } = test;
    await test.open('requests');
    const message = { to: ANA, type: 'image', image: { caption: 'no source' } };
    await expect(simulation.send(message as never)).rejects.toThrow();
    await rows('requests').filter({ hasText: "1008 Parameter 'id' or 'link'" }).click();
    const card = page.locator('.error-card');
    await card.getByText('1008 Required parameter is missing').waitFor();
    await card.getByText("Parameter 'id' or 'link' is mandatory for type 'image'").waitFor();
    const [help] = await Promise.all([
      page.context().waitForEvent('page'),
      card.getByRole('link', { name: 'What this error means' }).click(),
    ]);
    await help.getByRole('heading', { name: /1008/ }).waitFor();
    await help.close();
    await page.locator('.json .marked', { hasText: '"image"' }).waitFor();
    expect(await page.locator('.json .marked').count()).toBe(1);
  });

  it('filters by answer and text, and copies a call', async () => {
    const { page, simulation } = test;
    await simulation.send({ to: ANA, text: { body: 'taken' } });
    await rows('requests').filter({ hasText: 'text to' }).first().waitFor();
    await page.getByRole('combobox', { name: 'Answer' }).selectOption('refused');
    await eventually(async () => (await rows('requests').filter({ hasText: '201' }).count()) === 0);
    await rows('requests').first().waitFor();
    await page.getByRole('combobox', { name: 'Answer' }).selectOption('');
    await page.getByLabel('Filter by path, text or error').fill('taken');
    await rows('requests').first().click();
    await page.getByRole('button', { name: 'Copy as curl' }).click();
    await eventually(async () => (await clipboard()).includes('taken'));
    expect(await clipboard()).toMatch(
      /^curl -X POST "\$API"'\/v1\/messages' .*"Authorization: Bearer \$TOKEN"/,
    );
  });

  it('logged no error in all of this', () => {
    expect(test.problems).toEqual([]);
  });
});
