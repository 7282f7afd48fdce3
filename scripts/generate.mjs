// Bundles src/bin/generate.ts and runs it, so that generation needs no build of the rest.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const folder = await mkdtemp('node_modules/.generate-');
const outfile = join(folder, 'generate.mjs');
await build({
  entryPoints: ['src/bin/generate.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
});
const { status } = spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: 'inherit' });
await rm(folder, { recursive: true });
process.exitCode = status ?? 1;
