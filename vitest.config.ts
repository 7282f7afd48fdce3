import { defineConfig } from 'vitest/config';

// One project per test layer; scripts/test.mjs runs them in this order, each with its own deadline.
const layer = (name: string, include: string[], testTimeout: number, globalSetup: string[] = []) => ({
  test: { name, include, testTimeout, hookTimeout: testTimeout, globalSetup },
});

export default defineConfig({
  test: {
    projects: [
      layer('unit', ['src/**/*.test.ts', 'test/structure/**/*.test.ts'], 10_000),
      layer('chart', ['test/chart/**/*.test.ts'], 60_000),
      layer('contract', ['test/contract/**/*.test.ts'], 60_000),
      layer('control-plane', ['test/control-plane/**/*.test.ts'], 120_000, [
        'test/support/controlPlaneSetup.ts',
      ]),
      layer('random', ['test/random/**/*.test.ts'], 60_000),
      layer('scenarios', ['test/scenarios/**/*.test.ts'], 300_000),
      layer('e2e', ['test/e2e/**/*.test.ts'], 600_000),
    ],
  },
});
