import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestPage } from '../support/testPage.ts';
import { weakContrasts } from '../support/weakContrasts.ts';

const ANA = '16505551234';
const VIEWS = [
  'chats',
  `chats/${ANA}`,
  'webhooks',
  'webhooks/1',
  'requests',
  'requests/1',
  'rehearsal',
  'rehearsal/1',
  ...['templates', 'catalog', 'limits', 'connection', 'api-faults', 'clock', 'recording', 'snapshots'].map(
    (section) => `setup/${section}`,
  ),
];

let test: TestPage;
const requested: string[] = [];

beforeAll(async () => {
  test = await TestPage.start('page_layout_');
  const { simulation, page } = test;
  page.on('request', (request) => requested.push(request.url()));
  await simulation.writes(ANA, { text: 'Hi, are you *open*? https://shop.example', profileName: 'Ana' });
  const long = Array.from({ length: 60 }, (_, line) => `line ${line}`).join('\n');
  await simulation.writes(ANA, { text: long });
  const interactive = {
    type: 'button',
    body: { text: 'Shall we deliver?' },
    action: { buttons: [{ type: 'reply', reply: { id: 'yes', title: 'Yes, please' } }] },
  };
  await simulation.send({ to: ANA, type: 'interactive', interactive } as never);
  await simulation.send({ to: ANA, type: 'image', image: {} } as never).catch(() => {});
});
afterAll(() => test?.close());

const narrow = () => test.window({ viewport: { width: 375, height: 700 }, hasTouch: true });
const isVisible = (page: Page, selector: string) => page.locator(selector).isVisible();
/** What a reader would have to scroll the page for, in either direction. */
const overflow = (page: Page) =>
  page.evaluate(
    '[document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight]',
  );

describe('the page', () => {
  it('shows one screen at a time at 375 px, with the message box always in sight', async () => {
    const page = await narrow();
    await test.open('chats', page);
    expect([await isVisible(page, '#chat-list'), await isVisible(page, '#messages')]).toEqual([true, false]);
    await page.getByRole('link', { name: /^Ana/ }).click();
    await page.getByRole('log').getByText('Shall we deliver?').waitFor();
    expect(await page.title()).toBe('Chats · WhatsApp emulator');
    expect([await isVisible(page, '#chat-list'), await isVisible(page, '#person')]).toEqual([false, false]);
    const box = await page.getByLabel('Message', { exact: true }).boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(700);
    expect(box?.width).toBeGreaterThan(150);
    await page.getByRole('button', { name: 'About this person' }).click();
    expect([await isVisible(page, '#person'), await isVisible(page, '#messages')]).toEqual([true, false]);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByRole('button', { name: 'Back to all chats' }).click();
    await page.getByRole('link', { name: /^Ana/ }).waitFor();
    await page.getByRole('link', { name: 'Webhooks' }).click();
    await page.locator('#webhooks .record').first().click();
    await page.getByRole('button', { name: 'Redeliver' }).waitFor();
    expect(await isVisible(page, '#webhooks .records')).toBe(false);
    await page.locator('#webhooks').getByRole('button', { name: 'Back to the list' }).click();
    await page.locator('#webhooks .record').first().waitFor();
    await page.context().close();
  });

  it.each([
    [375, 700],
    [800, 600],
    [1440, 900],
  ])('never scrolls as a whole at %i px', async (width, height) => {
    const page = await test.window({ viewport: { width, height } });
    for (const view of VIEWS) {
      await test.open(view, page);
      expect([view, await overflow(page)]).toEqual([view, [0, 0]]);
    }
    await page.context().close();
  });

  it.each(['light', 'dark'] as const)('can be read in its %s colours', async (colorScheme) => {
    const page = await test.window({ viewport: { width: 1440, height: 900 }, colorScheme });
    for (const view of VIEWS) {
      await test.open(view, page);
      expect([view, await weakContrasts(page)]).toEqual([view, []]);
    }
    const ground = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    expect(ground).toBe(colorScheme === 'dark' ? 'rgb(14, 20, 22)' : 'rgb(244, 245, 243)');
    await page.context().close();
  });

  it('is used with the keyboard alone', async () => {
    const { page } = test;
    await test.open('webhooks');
    await page.keyboard.press('/');
    await page.keyboard.type('ana');
    await page.getByRole('option', { name: /Person Ana/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL(new RegExp(`chats/${ANA}$`));
    await page.locator('#text:focus').waitFor();
    await page.keyboard.type('typed at once');
    await page.keyboard.press('Enter');
    await test.bubble('typed at once').waitFor();
    const attach = page.getByRole('button', { name: 'Send something else' });
    await attach.focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Video');
    await page.keyboard.press('Escape');
    expect(await page.evaluate('document.activeElement.id')).toBe('attach');
    await page.keyboard.press('ControlOrMeta+k');
    await page.getByLabel('Search everything').fill('deliver');
    await page.getByRole('option', { name: /Message Shall we deliver/ }).click();
    await page.getByLabel('Search everything').waitFor({ state: 'detached' });
  });

  it('finds messages, webhooks and requests', async () => {
    const { page } = test;
    await test.open('chats');
    await page.getByRole('button', { name: 'Search' }).click();
    for (const [text, kind] of [
      ['1008', 'Request'],
      ['are you open', 'Message'],
      ['delivered', 'Webhook'],
    ] as const) {
      await page.getByLabel('Search everything').fill(text);
      await page
        .getByRole('option', { name: new RegExp(`^${kind}`) })
        .first()
        .waitFor();
    }
    await page.getByLabel('Search everything').fill('nothing like this');
    await page.getByText('Nothing found.').waitFor();
    await page.keyboard.press('Escape');
  });

  it('says in every view what is missing without a registered number', async () => {
    const page = await test.window({ viewport: { width: 1280, height: 800 } });
    await page.route('**/control/v1/numbers', (route) => route.fulfill({ json: { numbers: [] } }));
    for (const view of [`chats/${ANA}`, 'setup/templates', 'setup/limits']) {
      await test.open(view, page);
      await page.locator('#main :text("No number is registered yet"):visible').waitFor();
    }
    expect(await page.locator('#compose').isVisible()).toBe(false);
    await page.context().close();
  });

  it('has an accessible name for every control of every view', async () => {
    for (const view of VIEWS) {
      await test.open(view);
      const nameless = await test.page.evaluate(`
        [...document.querySelectorAll('button, input, select, textarea, a, [role=region]')]
          .filter((control) => !(control.labels?.length || control.textContent.trim() || control.getAttribute('aria-label')))
          .map((control) => control.outerHTML)`);
      expect([view, nameless]).toEqual([view, []]);
    }
  });

  it('loads nothing from elsewhere, runs no script in its text, and is small', async () => {
    const { page, simulation } = test;
    expect(
      requested.filter((url) => !/^(data|blob):/.test(url) && !url.startsWith(simulation.controlUrl)),
    ).toEqual([]);
    const { headers, script } = await page.evaluate(async () => {
      const answer = await fetch('/', { headers: { accept: 'text/html' } });
      return {
        headers: { policy: answer.headers.get('content-security-policy') },
        script: (await (await fetch('/page.js')).text()).length,
      };
    });
    expect(headers.policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(script).toBeLessThan(128 * 1024);
    const before = test.problems.length;
    await page.evaluate(`
      document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.wasRun = true' }))`);
    expect(await page.evaluate('window.wasRun')).toBeUndefined();
    expect(test.problems.splice(before).join()).toContain('Content Security Policy');
  });

  it('logged no error in all of this', () => {
    expect(test.problems).toEqual([]);
  });
});
