// Makes a package in dist/ that `npm pack` and `npm publish` take: bundles, commands, README and licences.
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { common, requireBanner } from './bundling.mjs';
import { noticesText, packagesIn } from './notices.mjs';

/**
 * Makes dist/NAME of packages/NAME. `commands` gives the bundle that each command of package.json starts, with its first
 * arguments; `files` says what else is copied, by its name in the package. What the bundles import from other packages becomes
 * `dependencies`, from the version on that this repository tests, without the `peers`.
 */
export async function buildNpmPackage({ name, entryPoints, commands, files = {}, peers = [], ...bundling }) {
  const source = `packages/${name}`;
  const target = `dist/${name}`;
  await rm(target, { recursive: true, force: true });
  const { metafile } = await build({
    ...common,
    entryPoints,
    outdir: target,
    format: 'esm',
    splitting: true,
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    chunkNames: 'chunks/[name]-[hash]',
    banner: { js: requireBanner },
    ...bundling,
  });
  const own = JSON.parse(await readFile(`${source}/package.json`, 'utf8'));
  const { version, engines, dependencies } = JSON.parse(await readFile('package.json', 'utf8'));
  const imported = importedPackages(metafile).filter((one) => one in dependencies && !peers.includes(one));
  const needs = Object.fromEntries(imported.map((one) => [one, `^${dependencies[one]}`]));
  const about = {
    name: own.name,
    version,
    ...own,
    engines,
    ...(imported.length > 0 && { dependencies: needs }),
  };
  await writeFile(`${target}/package.json`, `${JSON.stringify(about, undefined, 2)}\n`);
  if (Object.keys(commands).length > 0) await mkdir(`${target}/bin`);
  for (const [command, script] of Object.entries(commands))
    await writeFile(`${target}/bin/${command}.js`, `#!/usr/bin/env node\n${script}\n`, { mode: 0o755 });
  for (const [file, from] of Object.entries(files)) await copyFile(from, `${target}/${file}`);
  await copyFile(`${source}/README.md`, `${target}/README.md`);
  await copyFile('LICENSE', `${target}/LICENSE`);
  await writeFile(`${target}/THIRD-PARTY-NOTICES`, noticesText(await packagesIn(metafile)));
}

/** The packages that the bundles import, sorted by name. */
const importedPackages = ({ outputs }) =>
  [
    ...new Set(
      Object.values(outputs)
        .flatMap(({ imports }) => imports)
        .filter(({ path, external }) => external && /^[@a-z]/.test(path) && !path.startsWith('node:'))
        .map(({ path }) => /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]),
    ),
  ].sort();
