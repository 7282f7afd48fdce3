import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingTools } from '../../scripts/tools.mjs';
import { freePort } from '../../src/base/ports.ts';
import { BuiltEmulator } from '../support/builtEmulator.ts';
import { eventually } from '../support/eventually.ts';

const FOLDER = 'examples/emulator';
/** A compiler that builds its standard library first needs minutes on a small machine. */
const TIMEOUT_MS = 300_000;
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);

/** As the pages of docs/emulator run them. */
const EXAMPLES = [
  { program: 'python3', args: ['test_answer.py'] },
  { program: 'go', args: ['test', '-count=1', 'answer_test.go'] },
  { program: 'java', args: ['AnswerTest.java'] },
  { program: 'php', args: ['answer.php'] },
] as const;

/** Blocks of a page that call the emulator. */
const commandsOf = (page: string): string[] =>
  [...page.matchAll(/^```\n((?:CONTROL=|curl )[\s\S]*?)^```$/gm)].map(([, commands = '']) => commands);

const running: BuiltEmulator[] = [];
let folder: string;

async function start(...args: readonly string[]): Promise<BuiltEmulator> {
  const emulator = await BuiltEmulator.start(...args);
  running.push(emulator);
  return emulator;
}

/** @throws if the example fails, with what it says */
const run = (
  program: string,
  args: readonly string[],
  { environment }: BuiltEmulator,
  cwd: string,
  more: Record<string, string> = {},
) => execa(program, args, { cwd, env: { ...environment, ...more }, extendEnv: false });

const chatOf = async (emulator: BuiltEmulator) =>
  (await emulator.chat()).map(({ direction, type }) => `${direction} ${type}`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-examples-'));
});
afterAll(async () => {
  await Promise.all(running.map((emulator) => emulator.stop()));
  await rm(folder, { recursive: true, force: true });
});

describe('the examples of the documentation', () => {
  let plain: BuiltEmulator;
  let secure: BuiltEmulator;
  const firstMessage = () => run('sh', [resolve(FOLDER, 'first-message.sh')], secure, folder);
  beforeAll(async () => {
    plain = await start('--tls', 'off');
    secure = await start();
    await writeFile(join(folder, 'shop.png'), PNG);
  });

  it.for(EXAMPLES)(
    'pass in $program, and fail where there is no API',
    { timeout: TIMEOUT_MS },
    async ({ program, args }, { skip }) => {
      const [missing] = missingTools([program]);
      skip(missing !== undefined, missing?.hint);
      await run(program, args, plain, FOLDER);
      expect(await chatOf(plain)).toEqual(['in text', 'out text']);
      const nowhere = { EMULATOR_API: `http://127.0.0.1:${await freePort()}` };
      await expect(run(program, args, plain, FOLDER, nowhere)).rejects.toThrow('Command failed');
    },
  );

  it('send a first message and a picture with curl', async () => {
    await firstMessage();
    await eventually(async () => (await chatOf(secure)).length === 3);
    expect(await chatOf(secure)).toEqual(['in text', 'out text', 'out image']);
  });

  it('call the emulator as each page says, in the order of the pages', async () => {
    const index = await readFile('docs/emulator.md', 'utf8');
    const pages = [...index.matchAll(/\]\((emulator\/[\w-]+\.md)\)/g)].map(([, page = '']) => page);
    const called: string[] = [];
    // What the pages wait for.
    await firstMessage();
    for (const page of pages)
      for (const commands of commandsOf(await readFile(join('docs', page), 'utf8'))) {
        const here = commands
          .replaceAll('curl ', 'curl -sSf ')
          .replaceAll('http://127.0.0.1:9091', secure.controlUrl)
          .replaceAll('https://localhost:9090', secure.url);
        await run('sh', ['-euc', here], secure, folder);
        called.push(page);
      }
    expect(new Set(called).size).toBeGreaterThan(8);
  });

  it('have a command in the compose file with which the emulator starts', async () => {
    const compose = load(await readFile('examples/emulator-compose.yaml', 'utf8')) as {
      readonly services: { readonly 'waba-emulator': { readonly command: readonly string[] } };
    };
    const { controlUrl } = await start(...compose.services['waba-emulator'].command);
    expect((await fetch(`${controlUrl}/healthz`)).status).toBe(200);
  });
});
