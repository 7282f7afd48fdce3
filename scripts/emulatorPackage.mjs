import { buildNpmPackage } from './npmPackage.mjs';

/** Makes dist/waba-emulator. The types come from `tsc -p tsconfig.emulator.json`. */
export const buildEmulatorPackage = () =>
  buildNpmPackage({
    name: 'waba-emulator',
    entryPoints: {
      emulator: 'src/bin/emulator.ts',
      control: 'src/control/index.ts',
      testcontainers: 'src/testcontainers/emulatorContainer.ts',
    },
    commands: { 'waba-emulator': "import '../emulator.js';" },
    files: { 'seed.schema.json': 'docs/emulator-seed.schema.json' },
  });
