// What all bundles have in common.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pageBundle } from './pageBundle.mjs';

// CommonJS dependencies (pg, winston) call require, which an ES module does not have.
export const requireBanner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/** OpenTelemetry packs its modules for ES too, of which a bundle takes a sixth of the bytes: 80 kB. */
const openTelemetry = {
  name: 'open-telemetry',
  setup({ onResolve }) {
    onResolve({ filter: /^@opentelemetry\/[^/]+$/ }, async ({ path, resolveDir }) => {
      const { resolve } = createRequire(join(resolveDir, 'of.js'));
      const root = resolve(path).split(/[/](?:build|dist)[/]/)[0];
      const { module, exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
      // Where a package says what it exports, esbuild finds the modules itself.
      return exports ? undefined : { path: join(root, module), sideEffects: false };
    });
  },
};

export const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  mainFields: ['module', 'main'],
  external: ['pg-native', '@kubernetes/client-node'],
  plugins: [pageBundle, openTelemetry],
  logLevel: 'warning',
  legalComments: 'none',
};
