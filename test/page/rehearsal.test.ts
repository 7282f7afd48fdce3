import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { TestPage } from '../support/testPage.ts';

const ANA = '16505551234';

let test: TestPage;

beforeAll(async () => {
  test = await TestPage.start('page_rehearsal_');
  await test.simulation.writes(ANA, { text: 'before anybody looked', profileName: 'Ana' });
});
afterAll(() => test?.close());

const rows = () => test.page.locator('#rehearsal .record');
const row = (...texts: string[]) => texts.reduce((found, hasText) => found.filter({ hasText }), rows());
const shape = (name: string) => test.page.getByRole('region', { name });
const marked = (name: string, mark: string) => shape(name).locator(`.line.${mark}`);

async function callGraph(message: object): Promise<void> {
  await fetch(`${test.graphNumberUrl}/messages`, {
    method: 'POST',
    headers: { authorization: 'Bearer any', 'content-type': 'application/json' },
    body: JSON.stringify({ messaging_product: 'whatsapp', type: 'text', ...message }),
  });
}

describe('the rehearsal', () => {
  it('shows what happened before, and what happens from then on, in both shapes', async () => {
    const { page, simulation } = test;
    await test.open('rehearsal');
    await row('message text', 'ready').first().waitFor();
    await simulation.send({ to: ANA, preview_url: true, text: { body: 'https://shop.example' } } as never);
    await row('POST /v1/messages text', 'differs').click();
    await page.getByText('Move preview_url into text.').waitFor();
    await marked('/v1: body', 'moved').filter({ hasText: '"preview_url": true' }).waitFor();
    await marked('Cloud API: body', 'moved').filter({ hasText: '"preview_url": true' }).waitFor();
    await marked('Cloud API: body', 'added').filter({ hasText: '"messaging_product"' }).waitFor();
    await marked('Cloud API: body', 'changed')
      .filter({ hasText: `"+${ANA}"` })
      .waitFor();
    await marked('Cloud API: answer', 'changed').filter({ hasText: '"wamid.' }).waitFor();
    // The sign says it too, for those who do not see the colour.
    expect(await marked('Cloud API: body', 'moved').locator('.sign').textContent()).toBe('→');
  });

  it('shows a webhook as the Cloud API posts it', async () => {
    await row('message text', 'ready').first().click();
    await marked('Cloud API: body', 'moved').filter({ hasText: '"messages"' }).waitFor();
    await shape('Cloud API: body').getByText('"before anybody looked"').waitFor();
    await marked('Cloud API: body', 'added').filter({ hasText: '"whatsapp_business_account"' }).waitFor();
  });

  it('checks a call of the new client, and compares it with what the call of /v1 becomes', async () => {
    const { page } = test;
    await callGraph({ to: ANA, text: { body: 'https://shop.example' } });
    await row('POST /{phone number id}/messages text', 'differs').click();
    await page.getByText('Write a + before the number').waitFor();
    await marked('Your call of /v1 becomes: body', 'removed').filter({ hasText: '"preview_url"' }).waitFor();
    await marked('Your new client sent: body', 'changed')
      .filter({ hasText: `"to": "${ANA}"` })
      .waitFor();
    await callGraph({ to: `+${ANA}` });
    await row('POST /{phone number id}/messages text', '131008').click();
    await page.locator('.error-card', { hasText: "131008: Parameter 'text' is mandatory" }).waitFor();
  });

  it('says of a call without a counterpart what to do instead', async () => {
    const { page, simulation } = test;
    const { client, session } = simulation;
    await client.contacts.check(session, { contacts: [`+${ANA}`] } as never, new AbortController().signal);
    await page.getByLabel('Verdict').selectOption('no-counterpart');
    await row('POST /v1/contacts', 'none').click();
    await page.getByText('Send without a check').first().waitFor();
    await page.getByText('The Cloud API has nothing like it.').waitFor();
    await eventually(async () => (await row('ready').count()) === 0);
  });

  it('is filtered and opened with the keyboard alone', async () => {
    const { page } = test;
    await page.getByLabel('Verdict').selectOption('');
    await page.getByLabel('What happened').selectOption('graph-call');
    await eventually(async () => (await rows().count()) === 2);
    await page.getByLabel('What happened').selectOption('');
    await page.getByLabel('Filter by name, path or text').focus();
    await page.keyboard.type('before anybody');
    await eventually(async () => (await rows().count()) === 1);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'message text' }).waitFor();
  });

  it('goes with a reset, and nothing on the page complains', async () => {
    await test.page.getByLabel('Filter by name, path or text').fill('');
    await test.simulation.simulate('POST', '/control/v1/reset', {});
    await test.page.getByText('Nothing to compare yet').waitFor();
    expect(test.problems).toEqual([]);
  });
});
