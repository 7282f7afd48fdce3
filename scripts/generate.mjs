// Bundles tools/generate/main.ts and runs it, so that generation needs no build of the rest.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { renderInstallManifest } from './installManifest.mjs';

const folder = await mkdtemp('node_modules/.generate-');
const outfile = join(folder, 'generate.mjs');
await build({
  entryPoints: ['tools/generate/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
});
const generate = () =>
  spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1;
process.exitCode = generate();
// Rendered by Helm, and so only where it is installed; the chart's tests compare it everywhere.
if (process.exitCode === 0 && !process.argv.includes('--check')) {
  const manifest = renderInstallManifest();
  if (manifest === undefined) console.error('deploy/install.yaml is left as it is: helm is not on the PATH');
  else if (manifest !== (await readFile('deploy/install.yaml', 'utf8'))) {
    await writeFile('deploy/install.yaml', manifest);
    // Documents are generated from the manifest.
    process.exitCode = generate();
  }
}
await rm(folder, { recursive: true });
