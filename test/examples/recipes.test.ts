import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { missingTools } from '../../scripts/tools.mjs';

/** A cold cache: Go builds its standard library and that of Testcontainers. */
const COMPILE_MS = 300_000;

/** Those whose library no test installs: parsed, not compiled. */
const PARSED = [
  { language: 'python', program: 'python3', file: 'recipe.py', parse: ['python3', '-m', 'py_compile'] },
  {
    language: 'java',
    program: 'java',
    file: 'Recipe.java',
    parse: ['javac', '-XDshould-stop.ifNoError=PARSE'],
    wrap: (recipe: string) => `class Recipe { void start() { ${recipe} } }`,
  },
] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-recipes-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const skipWithout = (program: string, skip: TestContext['skip']) => {
  const [missing] = missingTools([program]);
  skip(missing !== undefined, missing?.hint);
};
const blockOf = async (language: string): Promise<string | undefined> => {
  const page = await readFile('docs/emulator/testcontainers.md', 'utf8');
  return page.match(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'm'))?.[1];
};

describe('the recipes for Testcontainers', () => {
  it('compile in Go', { timeout: COMPILE_MS }, async ({ skip }) => {
    skipWithout('go', skip);
    await execa('go', ['vet', '.'], { cwd: 'examples/testcontainers' });
  });

  it.for(PARSED)('are valid $language', async ({ language, program, file, parse, ...more }, { skip }) => {
    skipWithout(program, skip);
    const recipe = (await blockOf(language)) ?? '';
    expect(recipe).toContain('waba-emulator');
    await writeFile(join(folder, file), 'wrap' in more ? more.wrap(recipe) : recipe);
    const [command, ...args] = parse;
    await execa(command, [...args, file], { cwd: folder });
  });
});
