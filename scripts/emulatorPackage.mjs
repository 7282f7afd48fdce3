// Makes dist/waba-emulator, which `npm pack` and `npm publish` take: bundles, types, README and licences.
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { common, requireBanner } from './bundling.mjs';
import { noticesText, packagesIn } from './notices.mjs';

export const PACKAGE = 'dist/waba-emulator';
const SOURCE = 'packages/waba-emulator';

/** The types come from `tsc -p tsconfig.emulator.json`. */
export async function buildEmulatorPackage() {
  await rm(PACKAGE, { recursive: true, force: true });
  const { metafile } = await build({
    ...common,
    entryPoints: {
      emulator: 'src/bin/emulator.ts',
      control: 'src/control/index.ts',
      testcontainers: 'src/testcontainers/emulatorContainer.ts',
    },
    outdir: PACKAGE,
    format: 'esm',
    splitting: true,
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    chunkNames: 'chunks/[name]-[hash]',
    banner: { js: requireBanner },
  });
  const own = JSON.parse(await readFile(`${SOURCE}/package.json`, 'utf8'));
  const { version, engines } = JSON.parse(await readFile('package.json', 'utf8'));
  const about = { name: own.name, version, ...own, engines };
  await writeFile(`${PACKAGE}/package.json`, `${JSON.stringify(about, undefined, 2)}\n`);
  await mkdir(`${PACKAGE}/bin`);
  await writeFile(`${PACKAGE}/bin/waba-emulator.js`, "#!/usr/bin/env node\nimport '../emulator.js';\n", {
    mode: 0o755,
  });
  await copyFile(`${SOURCE}/README.md`, `${PACKAGE}/README.md`);
  await copyFile('LICENSE', `${PACKAGE}/LICENSE`);
  await copyFile('docs/emulator-seed.schema.json', `${PACKAGE}/seed.schema.json`);
  await writeFile(`${PACKAGE}/THIRD-PARTY-NOTICES`, noticesText(await packagesIn(metafile)));
}
