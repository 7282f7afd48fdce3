// The page of the control port as one module of three texts: its HTML, its script, its style.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** The module that src/stack/network/page/servePage.ts imports. */
const NAME = 'page:bundle';
const FOLDER = fileURLToPath(new URL('../src/stack/network/page/', import.meta.url));
/** Samples of media that people send with one click. */
const SAMPLES = ['.jpg', '.webp', '.ogg', '.mp3', '.mp4', '.pdf'];

/** @returns the source of the module */
async function pageModule() {
  const { outputFiles } = await build({
    entryPoints: { script: `${FOLDER}client/main.ts`, style: `${FOLDER}style/page.css` },
    outdir: 'page',
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    // What light-dark(), popovers and nested styles need.
    target: ['chrome123', 'firefox125', 'safari17.5'],
    loader: Object.fromEntries(SAMPLES.map((ending) => [ending, 'base64'])),
    logLevel: 'warning',
  });
  const textOf = (ending) => outputFiles.find(({ path }) => path.endsWith(ending)).text;
  const files = {
    html: await readFile(`${FOLDER}page.html`, 'utf8'),
    script: textOf('.js'),
    style: textOf('.css'),
  };
  const source = Object.entries(files)
    .map(([name, text]) => `export const ${name} = ${JSON.stringify(text)};`)
    .join('\n');
  return source;
}

/** For esbuild. */
export const pageBundle = {
  name: 'page-bundle',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: new RegExp(`^${NAME}$`) }, ({ path }) => ({ path, namespace: 'page' }));
    onLoad({ filter: /.*/, namespace: 'page' }, async () => ({ contents: await pageModule() }));
  },
};

/** For the test runner. */
export const pageBundleForTests = {
  name: 'page-bundle',
  enforce: 'pre',
  resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
  async load(id) {
    return id === `\0${NAME}` ? await pageModule() : undefined;
  },
};
