import { defineConfig } from 'vitest/config';

// One project per test layer; scripts/test.mjs runs them in this order, each with its own deadline.
const layer = (
  name: string,
  include: string[],
  testTimeout: number,
  { globalSetup = [], env = {} }: { globalSetup?: string[]; env?: Record<string, string> } = {},
) => ({
  test: { name, include, testTimeout, hookTimeout: testTimeout, globalSetup, env },
});

export default defineConfig({
  test: {
    projects: [
      layer('unit', ['src/**/*.test.ts', 'test/structure/**/*.test.ts'], 10_000),
      layer('chart', ['test/chart/**/*.test.ts'], 60_000),
      layer('contract', ['test/contract/**/*.test.ts'], 60_000),
      layer('contract-mariadb', ['test/contract/**/*.test.ts'], 60_000, {
        env: { WABA_TEST_ENGINE: 'MYSQL' },
      }),
      layer('control-plane', ['test/control-plane/**/*.test.ts'], 120_000, {
        globalSetup: ['test/support/controlPlaneSetup.ts'],
      }),
      layer('random', ['test/random/**/*.test.ts'], 60_000),
      layer('scenarios', ['test/scenarios/**/*.test.ts'], 300_000),
      layer('e2e', ['test/e2e/**/*.test.ts'], 600_000),
    ],
  },
});
