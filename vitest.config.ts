import { defineConfig } from 'vitest/config';
import { pageBundleForTests } from './scripts/pageBundle.mjs';

// One project for each layer of scripts/layers.mjs that holds tests.
const layer = (
  name: string,
  include: string[],
  testTimeout: number,
  more: { globalSetup?: string[]; env?: Record<string, string>; isolate?: boolean } = {},
) => ({
  plugins: [pageBundleForTests],
  test: {
    name,
    include,
    testTimeout,
    hookTimeout: testTimeout,
    // What differs stands in the message: closing lines show no more than that. Projects do not inherit it.
    chaiConfig: { truncateThreshold: 2000 },
    ...more,
  },
});

export default defineConfig({
  test: {
    projects: [
      layer('unit', ['src/**/*.test.ts', 'test/structure/**/*.test.ts'], 10_000, {
        // Imports take longer than the tests. Files that share a process import a module once.
        isolate: false,
      }),
      layer('chart', ['test/chart/**/*.test.ts'], 60_000),
      layer('contract', ['test/contract/**/*.test.ts'], 60_000),
      // The suites that know no database, with stores in memory.
      layer(
        'contract-memory',
        ['test/contract/{apiFaults,callbackStore,cluster,conformance,control,shards,simulation}.test.ts'],
        60_000,
        { env: { WABA_TEST_ENGINE: 'MEMORY' } },
      ),
      layer('contract-mariadb', ['test/contract/**/*.test.ts'], 60_000, {
        env: { WABA_TEST_ENGINE: 'MYSQL' },
      }),
      layer('monitoring', ['test/monitoring/**/*.test.ts'], 30_000),
      layer('package', ['test/package/**/*.test.ts'], 60_000, {
        globalSetup: ['test/support/builtPackages.ts'],
      }),
      // What the pages of the emulator quote, in its languages, and published clients.
      layer('examples', ['test/examples/**/*.test.ts'], 60_000),
      // Needs Docker and the image waba-emulator, or another one in WABA_EMULATOR_IMAGE.
      layer('container', ['test/container/**/*.test.ts'], 120_000),
      layer('page', ['test/page/**/*.test.ts'], 60_000),
      // The same suites, calling roles that run as processes of their own.
      layer('conformance-processes', ['test/contract/{conformance,apiFaults}.test.ts'], 60_000, {
        env: { WABA_TEST_TARGET: 'processes' },
      }),
      // Hostile inputs to roles that run as processes, and fuzzed frames, files and certificates.
      layer('hostile', ['test/hostile/**/*.test.ts'], 60_000),
      layer('control-plane', ['test/control-plane/**/*.test.ts'], 120_000, {
        globalSetup: ['test/support/controlPlaneSetup.ts'],
      }),
      // Real servers, the engines' own tools, the age tool and an S3 server.
      layer('backup', ['test/backup/**/*.test.ts'], 60_000),
      layer('survival', ['test/survival/**/*.test.ts'], 300_000),
      layer('random', ['test/random/**/*.test.ts'], 60_000),
      layer('rolls', ['test/rolls/**/*.test.ts'], 60_000),
      layer('scenarios', ['test/scenarios/**/*.test.ts'], 300_000),
      // Only `npm run soak` runs these.
      layer('soak', ['test/soak/**/*.test.ts'], 300_000),
      layer('e2e', ['test/e2e/**/*.test.ts'], 600_000),
      // Only `npm run e2e -- --suite cloudnative-pg` runs it.
      layer('cloudnative-pg', ['test/cloudnative-pg/**/*.test.ts'], 600_000),
    ],
  },
});
