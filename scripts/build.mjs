// Bundles every entry point into dist/. The same bundles go into the images and run on the local cluster. Without --quiet,
// which is for those who only want to run something, it also makes the npm packages.
import { chmod, copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import { common, requireBanner } from './bundling.mjs';
import { buildCliPackage } from './cliPackage.mjs';
import { buildEmulatorPackage } from './emulatorPackage.mjs';
import { buildEnginePackage } from './enginePackage.mjs';
import { bomOf, noticesText, packagesIn } from './notices.mjs';

const quiet = process.argv.includes('--quiet');
const started = performance.now();

const bundle = (entryPoints, outdir) =>
  build({
    ...common,
    entryPoints,
    outdir,
    format: 'esm',
    splitting: true,
    metafile: true,
    chunkNames: 'chunks/[name]-[hash]',
    banner: { js: requireBanner },
  });

// The paths that containers start, by image and bundle, so that pod templates name the same commands on both stacks.
const commands = {
  'waba-operator': {
    operator: ['usr/local/bin/waba-operator'],
    'kubectl-waba': ['usr/local/bin/kubectl-waba'],
  },
  'waba-stack': {
    emulator: [
      'opt/whatsapp/bin/launch_within_docker.sh',
      'opt/whatsapp/bin/wait_on_postgres.sh',
      'opt/whatsapp/bin/wait_on_mysql.sh',
      'usr/local/bin/waba-emulator',
    ],
    backup: ['usr/local/bin/waba-backup'],
  },
};
/**
 * Of Node.js, by bundle. Backups allocate much and keep little: a small nursery takes 10 MB less, and nothing else. The operator
 * fills the nursery once, when its caches fill, and Node.js never gives it back: docs/decisions/0070-protobuf-for-built-in-kinds.md.
 */
const flags = { backup: '--max-semi-space-size=1', operator: '--max-semi-space-size=4' };
/** Folders that volumes are mounted to; they are there without one too. */
const folders = { 'waba-stack': ['usr/local/wamedia', 'usr/local/waent/data', 'var/lib/waba-network'] };

async function writeCommand(file, interpreter, module) {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `#!${interpreter}\nimport(${module});\n`, { mode: 0o755 });
}

const imagesAt = process.argv.indexOf('--images');
if (imagesAt !== -1) await buildImageRoots(process.argv[imagesAt + 1]);
else await buildDist();
if (!quiet) console.log(`built in ${Math.round(performance.now() - started)} ms`);

/** What the Dockerfile copies to the root of each image. */
async function buildImageRoots(out) {
  for (const [image, bundles] of Object.entries(commands)) {
    const root = join(out, image);
    const { metafile } = await bundle(
      Object.fromEntries(Object.keys(bundles).map((name) => [name, `src/bin/${name}.ts`])),
      join(root, 'opt/waba'),
    );
    await writeFile(join(root, 'opt/waba/package.json'), '{"type":"module"}\n');
    for (const [name, paths] of Object.entries(bundles)) {
      for (const path of paths)
        await writeCommand(
          join(root, path),
          ['/nodejs/bin/node', flags[name]].filter(Boolean).join(' '),
          JSON.stringify(`/opt/waba/${name}.js`),
        );
    }
    await writeLegal(join(root, 'usr/share/doc', image), image, metafile);
    for (const folder of folders[image] ?? []) await mkdir(join(root, folder), { recursive: true });
  }
}

/** What whoever redistributes an image must pass on, and what scanners read. */
async function writeLegal(folder, image, metafile) {
  const packages = await packagesIn(metafile);
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));
  await mkdir(folder, { recursive: true });
  await copyFile('LICENSE', join(folder, 'LICENSE'));
  await writeFile(join(folder, 'THIRD-PARTY-NOTICES'), noticesText(packages));
  await writeFile(join(folder, 'bom.cdx.json'), bomOf({ name: image, version }, packages));
}

/** What runs from a checkout; below images/ the same paths for the process node, and databases in place of their images. */
async function buildDist() {
  await rm('dist', { recursive: true, force: true });
  await Promise.all([
    bundle(
      {
        emulator: 'src/bin/emulator.ts',
        backup: 'src/bin/backup.ts',
        operator: 'src/bin/operator.ts',
        postgres: 'src/bin/postgres.ts',
        mariadb: 'src/bin/mariadb.ts',
        'kubectl-waba': 'src/bin/kubectl-waba.ts',
        client: 'src/client/index.ts',
        generate: 'tools/generate/main.ts',
        bench: 'bench/main.ts',
        'bench-emulator': 'bench/emulatorMain.ts',
        'bench-many': 'bench/manyStacks.ts',
        'bench-memory': 'bench/memory.ts',
        'bench-tracing': 'bench/tracing.ts',
        'bench-noop': 'bench/withoutEffect.ts',
        'bench-cloud': 'bench/cloud.ts',
        'bench-backup': 'bench/backup.ts',
        'bench-engine': 'bench/engine/main.ts',
        'bench-contestant': 'bench/engine/contestant.ts',
      },
      'dist',
    ),
    build({
      ...common,
      entryPoints: ['src/local/preload/podNetwork.ts'],
      outfile: 'dist/podNetwork.cjs',
      format: 'cjs',
    }),
  ]);
  if (!quiet) await Promise.all([buildEmulatorPackage(), buildEnginePackage(), buildCliPackage()]);
  const databases = ['postgres', 'mariadb'].map((name) => [
    name,
    { [name]: ['usr/local/bin/docker-entrypoint.sh'] },
  ]);
  const local = { ...commands, ...Object.fromEntries(databases) };
  for (const [image, bundles] of Object.entries(local)) {
    for (const [name, path] of Object.entries(bundles).flatMap(([name, paths]) =>
      paths.map((path) => [name, path]),
    )) {
      const file = join('dist/images', image, path);
      const module = `require('node:path').join(__dirname, '${relative(dirname(file), `dist/${name}.js`)}')`;
      // Without -S, env would look for a program whose name holds the flags.
      const node = flags[name] ? `-S node ${flags[name]}` : 'node';
      await writeCommand(file, `/usr/bin/env ${node}`, module);
    }
  }
  // Files without the ending .js are started as CommonJS only where no package says otherwise.
  await writeFile('dist/images/package.json', '{"type":"commonjs"}\n');
  await cp('src/local/kubernetes', 'dist/kubernetes', { recursive: true });
  await chmod('dist/kubectl-waba.js', 0o755);
}
