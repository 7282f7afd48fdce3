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

/**
 * An import of node:http as an ES module reads all its exports, WebSocket too, for which Node.js 22 and later load their undici:
 * 12 MB and 40 ms in each process. `require` reads only what is used.
 */
const httpByRequire = {
  name: 'http-by-require',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?http$/ }, ({ kind }) =>
      kind === 'import-statement' ? { path: 'http', namespace: 'by-require' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'by-require' }, () => ({
      contents: "module.exports = require('node:http');",
    }));
  },
};

export const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  // Of CommonJS, a bundle takes everything.
  mainFields: ['module', 'main'],
  external: ['pg-native', '@kubernetes/client-node'],
  plugins: [pageBundle, openTelemetry, httpByRequire],
  logLevel: 'warning',
  legalComments: 'none',
};
