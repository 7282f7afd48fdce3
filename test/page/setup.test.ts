import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { template } from '../support/simulation.ts';
import { TestPage } from '../support/testPage.ts';

/** Midnights from now on, in the time zone of the browser, which is that of this machine. */
function midnightsUntil(ms: number): number {
  const startOfDay = (at: Date) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
  return Math.round((startOfDay(new Date(ms)) - startOfDay(new Date())) / 86_400_000);
}

const ANA = '16505551234';

let test: TestPage;

beforeAll(async () => {
  test = await TestPage.start('page_setup_');
  await test.simulation.writes(ANA, { text: 'Hi', profileName: 'Ana' });
});
afterAll(() => test?.close());

const click = (name: string) => test.page.getByRole('button', { name, exact: true }).click();
/** Confirms the dialog that is open. */
const submit = (name: string) =>
  test.page.getByRole('dialog').getByRole('button', { name, exact: true }).click();
const number = async () =>
  (await test.simulation.read<{ numbers: { limits: object }[] }>('/numbers')).numbers[0];
const ofNumber = <T>(path: string) =>
  test.simulation.read<T>(`/control/v1/numbers/${test.simulation.stack.number}/${path}`);

describe('the setup', () => {
  it('has templates, whose variables are checked from then on', async () => {
    const { page, simulation } = test;
    await test.open('setup/templates');
    await page.getByRole('heading', { name: 'Every template is accepted' }).waitFor();
    await click('Add template');
    await page.getByLabel('Name', { exact: true }).fill('order');
    await page.getByLabel('Namespace').fill('ns');
    await page.getByLabel('Body', { exact: true }).fill('Order *{{1}}* is on its way.');
    await page.getByLabel('Buttons').fill('Track it, Stop');
    await submit('Add');
    await page.getByText('Order {{1}} is on its way.').waitFor();
    expect(await ofNumber('templates')).toMatchObject({
      templates: [{ name: 'order', buttons: ['Track it', 'Stop'] }],
    });
    const send = (variables: number) => {
      const parameters = Array.from({ length: variables }, () => ({ type: 'text', text: '7' }));
      const content = template({ components: [{ type: 'body', parameters }] });
      return simulation.send({ to: ANA, type: 'template', template: content } as never);
    };
    await expect(send(2)).rejects.toThrow();
    await send(1);
    await click('Edit');
    await page.getByLabel('Status').selectOption('rejected');
    await submit('Save');
    await page.getByText('rejected', { exact: true }).waitFor();
    await click('Delete');
    await page.getByRole('heading', { name: 'Every template is accepted' }).waitFor();
  });

  it('has a catalog with products', async () => {
    const { page } = test;
    await test.open('setup/catalog');
    await page.getByLabel('Catalog id').fill('shoes');
    await click('Save');
    await page.getByText('No products').waitFor();
    await click('Add product');
    await page.getByLabel('Retailer id').fill('sku-1');
    await page.getByLabel('Status').selectOption('unavailable');
    await submit('Add');
    await page.getByText('sku-1').waitFor();
    expect(await ofNumber('catalog')).toEqual({
      catalog: { catalogId: 'shoes', products: [{ retailerId: 'sku-1', status: 'unavailable' }] },
    });
    await click('Delete sku-1');
    await page.getByText('No products').waitFor();
  });

  it('has limits and faults of the connection', async () => {
    const { page } = test;
    await test.open('setup/limits');
    await page.getByLabel('Tier').selectOption('250');
    await page.getByLabel('Quality').selectOption('low');
    await click('Save');
    await eventually(async () => JSON.stringify((await number())?.limits) === '{"tier":250,"quality":"low"}');
    await test.open('setup/connection');
    await page.getByLabel('Lost (%)').fill('25');
    await page.getByLabel('Delay of each message (ms)').fill('10');
    await click('Save');
    await page.getByText('Saved').waitFor();
    expect(await ofNumber('faults')).toEqual({ faults: { latencyMs: 10, lossShare: 0.25 } });
    await click('End all faults');
    await eventually(async () => JSON.stringify(await ofNumber('faults')) === '{"faults":{}}');
    await eventually(async () => (await page.getByLabel('Lost (%)').inputValue()) === '');
  });

  it('has faults of the API, and counts the calls that they met', async () => {
    const { page, simulation } = test;
    await test.open('setup/api-faults');
    await page.getByText('No faults').waitFor();
    await click('Add fault');
    await page.getByLabel('Error code').fill('1016');
    await page.getByLabel('Times').fill('1');
    await submit('Add');
    await page.getByText('error 1016, 1 times').waitFor();
    await expect(simulation.send({ to: ANA, text: { body: 'met' } })).rejects.toThrow();
    await test.open('setup/clock');
    await test.open('setup/api-faults');
    await page.getByText('1 met').waitFor();
    await click('End the fault of /v1/messages');
    await page.getByText('No faults').waitFor();
  });

  it('records callbacks as a fixture, and replays it', async () => {
    const { page, simulation } = test;
    await test.open('setup/recording');
    await click('Start recording');
    await page.getByText('Recording now.').waitFor();
    await simulation.writes(ANA, { text: 'for the record' });
    await page.getByText('1 recorded').waitFor();
    await click('Stop recording');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download fixture' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe(`webhooks-${simulation.stack.number}.json`);
    const fixture = await download.path();
    expect(await readFile(fixture, 'utf8')).toContain('for the record');
    const replayed = () =>
      simulation.receiver.received.filter((body) => JSON.stringify(body).includes('for the record')).length;
    const before = replayed();
    await page.getByLabel('Replay a fixture').setInputFiles(fixture);
    await page.getByText('1 callbacks were posted').waitFor();
    await eventually(() => replayed() > before);
  });

  it('moves the clock', async () => {
    const { page, simulation } = test;
    const moved = async () => (await simulation.read<{ movedMs: number }>('/control/v1/clock')).movedMs;
    await test.open('setup/clock');
    await click('+1 hour');
    await page.getByText('1 h ahead of this machine.').waitFor();
    expect(await moved()).toBe(3_600_000);
    await page.getByLabel('Hours').fill('0.5');
    await click('Move forward');
    await eventually(async () => (await moved()) === 5_400_000);
    await page.getByText('1.5 h ahead of this machine.').waitFor();
    // What happens now is today, also for the chats.
    await click('+25 hours');
    await page.getByRole('link', { name: '+26.5 h' }).waitFor();
    await test.open(`chats/${ANA}`);
    await simulation.writes(ANA, { text: 'a day later' });
    await test.bubble('a day later').waitFor();
    // Late in the evening two midnights lie between.
    const before =
      midnightsUntil(Date.now() + 26.5 * 3_600_000) === 1 ? 'Yesterday' : expect.stringMatching(/\d{4}$/);
    expect(await page.locator('#messages .day').allTextContents()).toEqual([before, 'Today']);
  });

  it('takes snapshots, brings them back, and resets everything', async () => {
    const { page } = test;
    await test.open('setup/snapshots');
    await click('Take snapshot');
    await page.getByRole('dialog').getByLabel('Name').fill('with-ana');
    await submit('Take snapshot');
    await page.getByText('with-ana').waitFor();
    await click('Reset everything…');
    await submit('Reset');
    await test.open('chats');
    await page.getByText('Nobody here yet').waitFor();
    await test.open('setup/snapshots');
    await click('Restore');
    await test.open('chats');
    await page.getByRole('link', { name: /^Ana/ }).waitFor();
  });

  it('logged no error in all of this', () => {
    expect(test.problems).toEqual([]);
  });
});
