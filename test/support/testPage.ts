import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findExecutable } from '../../src/base/childProcess.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { Graph } from '../../src/stack/graph/graph.ts';
import { type GraphServer, startGraphServer } from '../../src/stack/graph/graphServer.ts';
import { testPostgres } from './emulatorStack.ts';
import { Simulation } from './simulation.ts';

/** The page of a simulated stack in a real browser. */
export class TestPage {
  readonly simulation: Simulation;
  readonly page: Page;
  /** Of the simulated Graph API, with the phone number id of the number: `http://127.0.0.1:4711/v26.0/178036126672577`. */
  readonly graphNumberUrl: string;
  /** Errors of the page, and of the console. */
  readonly problems: string[] = [];
  readonly #browser: Browser;
  readonly #closers: readonly (() => Promise<unknown>)[];

  private constructor(
    simulation: Simulation,
    graphNumberUrl: string,
    browser: Browser,
    page: Page,
    closers: readonly (() => Promise<unknown>)[],
  ) {
    this.simulation = simulation;
    this.graphNumberUrl = graphNumberUrl;
    this.page = page;
    this.#browser = browser;
    this.#closers = closers;
    this.#watch(page);
  }

  static async start(prefix: string): Promise<TestPage> {
    const database = await testPostgres();
    const simulation = await Simulation.start(database, prefix);
    const { network } = simulation.stack;
    const graph = new Graph({ network, limits: false, logger: silentLogger });
    const server: GraphServer = await startGraphServer(graph, { host: '127.0.0.1', port: 0 });
    const [number = ''] = [...network.state.numbers.keys()];
    const { phoneNumberId } = graph.numbers.idsOf(number);
    const graphNumberUrl = `http://127.0.0.1:${server.port}/v26.0/${phoneNumberId}`;
    const browser = await chromium.launch({
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
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const closers = [
      () => browser.close(),
      () => server.close(),
      async () => graph.close(),
      () => simulation.close(),
      () => database.close(),
    ];
    const test = new TestPage(simulation, graphNumberUrl, browser, page, closers);
    await test.open();
    return test;
  }

  /** Opens a part of the page: `chats/16505551234`. */
  async open(address = '', page = this.page): Promise<void> {
    await page.goto(`${this.simulation.controlUrl}/#/${address}`);
    await page.getByText('Live', { exact: true }).waitFor();
  }

  /** Another window, for example a narrow one. */
  async window(options: BrowserContextOptions): Promise<Page> {
    const context = await this.#browser.newContext(options);
    const page = await context.newPage();
    this.#watch(page);
    return page;
  }

  /** The newest message of the chat with this text, which messages that quote it do not count as. */
  bubble = (text: string, page = this.page) =>
    page
      .getByRole('log')
      .getByRole('listitem')
      .filter({ hasText: text })
      .filter({ hasNot: page.locator('.quoted', { hasText: text }) })
      .last();

  /** Writes a text as the person whose chat is open. */
  async write(text: string): Promise<void> {
    await this.page.getByLabel('Message', { exact: true }).fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** Chooses an entry of the menu that a button opens. */
  async choose(item: string | RegExp): Promise<void> {
    await this.page.getByRole('menuitem', { name: item, exact: true }).click();
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }

  #watch(page: Page): void {
    page.on('pageerror', (error) => this.problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.problems.push(message.text());
    });
  }
}
