import { buildNpmPackage } from './npmPackage.mjs';

/** What users bring themselves, and only for kubeconfigs: package.json names it as an optional peer. */
const PEER = '@kubernetes/client-node';

/** Makes dist/waba-engine. The types come from `tsc -p tsconfig.engine.json`. */
export const buildEnginePackage = () =>
  buildNpmPackage({
    name: 'waba-engine',
    entryPoints: { index: 'src/engine/index.ts', testing: 'src/engine/testing.ts' },
    commands: {},
    // Whoever uses the engine shares its registry of metrics and its tracer, so these packages are not bundled.
    external: ['prom-client', '@opentelemetry/api', 'hpagent', PEER],
    peers: [PEER],
    // For stack traces that people can read.
    minifySyntax: false,
    minifyWhitespace: false,
  });
