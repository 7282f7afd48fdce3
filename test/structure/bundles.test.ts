import { resolve } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { common } from '../../scripts/bundling.mjs';

async function bundled(contents: string): Promise<string> {
  const { outputFiles = [] } = await build({
    ...common,
    stdin: { contents, resolveDir: process.cwd() },
    format: 'esm',
    write: false,
  });
  return outputFiles.map(({ text }) => text).join('');
}

describe('a bundle', () => {
  it('takes node:http without the WebSocket that an import would load', async () => {
    const text = await bundled(
      "import http, { Agent } from 'node:http'; import { get } from 'http'; console.log(http, Agent, get);",
    );
    expect(text).toMatch(/require\("node:http"\)/);
    expect(text).not.toMatch(/^import .* from "(node:)?http"/m);
  });

  it.each(['operator', 'emulator', 'kubectl-waba', 'backup'])(
    'of %s holds the messages of zod in English only, because zod is imported as a namespace',
    async (name) => {
      const text = await bundled(`import '${resolve('src/bin', `${name}.ts`)}';`);
      const locales = [...text.matchAll(/^\/\/ node_modules\/zod\/v4\/locales\/(\S+)$/gm)];
      expect(locales.map(([, locale]) => locale).filter((locale) => locale !== 'index.js')).toEqual([
        'en.js',
      ]);
    },
  );
});
