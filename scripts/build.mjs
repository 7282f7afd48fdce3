// Bundles every entry point into dist/. The same bundles go into the images and run on the local cluster.
import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
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
    emulator: 'src/bin/emulator.ts',
    operator: 'src/bin/operator.ts',
    postgres: 'src/bin/postgres.ts',
    'kubectl-waba': 'src/bin/kubectl-waba.ts',
    generate: 'src/bin/generate.ts',
    bench: 'bench/main.ts',
    'bench-engine': 'bench/engine/main.ts',
    'bench-contestant': 'bench/engine/contestant.ts',
  }),
  build({
    ...common,
    entryPoints: ['src/local/preload/podNetwork.ts'],
    outfile: 'dist/podNetwork.cjs',
    format: 'cjs',
  }),
]);

// The paths that containers start, so that pod templates name the same commands on both stacks.
const commands = {
  'waba-operator': ['usr/local/bin/waba-operator', 'usr/local/bin/kubectl-waba'],
  postgres: ['usr/local/bin/docker-entrypoint.sh'],
  'waba-emulator': [
    'opt/whatsapp/bin/launch_within_docker.sh',
    'opt/whatsapp/bin/wait_on_postgres.sh',
    'opt/whatsapp/bin/wait_on_mysql.sh',
    'usr/local/bin/waba-emulator',
  ],
};
for (const [image, paths] of Object.entries(commands)) {
  for (const path of paths) {
    const file = join('dist/images', image, path);
    const name = path.endsWith('kubectl-waba') ? 'kubectl-waba' : image.replace('waba-', '');
    const bundle = relative(dirname(file), `dist/${name}.js`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(
      file,
      `#!/usr/bin/env node\nimport(require('node:path').join(__dirname, '${bundle}'));\n`,
      { mode: 0o755 },
    );
  }
}
// Files without the ending .js are started as CommonJS only where no package says otherwise.
await writeFile('dist/images/package.json', '{"type":"commonjs"}\n');
await cp('src/local/kubernetes', 'dist/kubernetes', { recursive: true });
await chmod('dist/kubectl-waba.js', 0o755);
if (!quiet) console.log(`built dist/ in ${Math.round(performance.now() - started)} ms`);
