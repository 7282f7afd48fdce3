// What all bundles have in common.
import { pageBundle } from './pageBundle.mjs';

// CommonJS dependencies (pg, winston) call require, which an ES module does not have.
export const requireBanner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

export const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  external: ['pg-native', '@kubernetes/client-node'],
  plugins: [pageBundle],
  logLevel: 'warning',
  legalComments: 'none',
};
