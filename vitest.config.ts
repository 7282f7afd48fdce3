import { readFile } from 'node:fs/promises';
import { defineConfig } from 'vitest/config';

/** Imports pages and their scripts as text, as the bundler does. */
const textFiles = {
  name: 'text-files',
  enforce: 'pre' as const,
  load: async (id: string) =>
    /\.(html|client\.js)$/.test(id)
      ? `export default ${JSON.stringify(await readFile(id, 'utf8'))}`
      : undefined,
};

// One project for each layer of scripts/layers.mjs that holds tests.
const layer = (
  name: string,
  include: string[],
  testTimeout: number,
  more: { globalSetup?: string[]; env?: Record<string, string>; isolate?: boolean } = {},
) => ({
  plugins: [textFiles],
  test: { name, include, testTimeout, hookTimeout: testTimeout, ...more },
});

export default defineConfig({
  test: {
    // What differs stands in the message: closing lines show no more than that.
    chaiConfig: { truncateThreshold: 2000 },
    projects: [
      layer('unit', ['src/**/*.test.ts', 'test/structure/**/*.test.ts'], 10_000, {
        // Imports take longer than the tests. Files that share a process import a module once.
        isolate: false,
      }),
      layer('chart', ['test/chart/**/*.test.ts'], 60_000),
      layer('contract', ['test/contract/**/*.test.ts'], 60_000),
      layer('contract-mariadb', ['test/contract/**/*.test.ts'], 60_000, {
        env: { WABA_TEST_ENGINE: 'MYSQL' },
      }),
      layer('monitoring', ['test/monitoring/**/*.test.ts'], 30_000),
      layer('page', ['test/page/**/*.test.ts'], 60_000),
      // The same suites, calling roles that run as processes of their own.
      layer('conformance-processes', ['test/contract/{conformance,apiFaults}.test.ts'], 60_000, {
        env: { WABA_TEST_TARGET: 'processes' },
      }),
      layer('control-plane', ['test/control-plane/**/*.test.ts'], 120_000, {
        globalSetup: ['test/support/controlPlaneSetup.ts'],
      }),
      layer('random', ['test/random/**/*.test.ts'], 60_000),
      layer('rolls', ['test/rolls/**/*.test.ts'], 60_000),
      layer('scenarios', ['test/scenarios/**/*.test.ts'], 300_000),
      // Only `npm run soak` runs these.
      layer('soak', ['test/soak/**/*.test.ts'], 300_000),
      layer('e2e', ['test/e2e/**/*.test.ts'], 600_000),
    ],
  },
});
