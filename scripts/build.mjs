// Bundles every entry point into dist/. The same bundles go into the images and run on the local cluster.
import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';

const quiet = process.argv.includes('--quiet');
const started = performance.now();
await rm('dist', { recursive: true, force: true });

// CommonJS dependencies (pg, winston) call require, which an ES module does not have.
const requireBanner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  external: ['pg-native', '@kubernetes/client-node'],
  logLevel: 'warning',
  legalComments: 'none',
};

const bundle = (entryPoints) =>
  build({
    ...common,
    entryPoints,
    outdir: 'dist',
    format: 'esm',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    banner: { js: requireBanner },
  });

await Promise.all([
  bundle({
    'kubectl-waba': 'src/bin/kubectl-waba.ts',
    generate: 'src/bin/generate.ts',
    bench: 'bench/main.ts',
  }),
  build({
    ...common,
    entryPoints: ['src/local/preload/podNetwork.ts'],
    outfile: 'dist/podNetwork.cjs',
    format: 'cjs',
  }),
]);

// The vendor's paths, so that pod templates name the same commands on both stacks.
const scripts = 'dist/images/waba-emulator/opt/whatsapp/bin';
await mkdir(scripts, { recursive: true });
for (const name of ['launch_within_docker.sh', 'wait_on_postgres.sh', 'wait_on_mysql.sh']) {
  await writeFile(
    `${scripts}/${name}`,
    `#!/usr/bin/env node\nimport(require('node:url').pathToFileURL(require('node:path').resolve(__dirname, process.env.WABA_EMULATOR_BUNDLE ?? '../../../../../emulator.js')));\n`,
  );
  await chmod(`${scripts}/${name}`, 0o755);
}
await cp('src/local/kubernetes', 'dist/kubernetes', { recursive: true });
await chmod('dist/kubectl-waba.js', 0o755);
if (!quiet) console.log(`built dist/ in ${Math.round(performance.now() - started)} ms`);
