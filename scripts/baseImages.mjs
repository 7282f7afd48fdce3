// Builds what stands for public images where no registry can be reached: Node for the Dockerfile, databases, a Gateway, and
// what keeps NetworkPolicies where the network plugin of kind keeps none.
// Prints the variables that make `npm run e2e` use them; what exists already is kept.
// `--cloudnative-pg` adds what only `npm run e2e -- --suite cloudnative-pg` needs; it takes minutes to compile.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildCloudNativePG, CLOUD_NATIVE_PG_VERSION } from './cloudNativePG.mjs';
import { goFolder, TOOLS } from './tools.mjs';
import { buildTraefik, TRAEFIK_VERSION } from './traefik.mjs';

const { values: options } = parseArgs({ options: { 'cloudnative-pg': { type: 'boolean' } } });

const NODE = '24.21.0';
const NPM = '11.19.1';
const [, KUBE_ROUTER] = TOOLS['kube-router'].go.split('@v');
const images = {
  BUILD_BASE: `waba-test/node-build:${NODE}`,
  NODE_BASE: `waba-test/node:${NODE}`,
  WABA_E2E_DATABASE_IMAGE: 'waba-test/postgres:15-tools',
  WABA_E2E_MARIADB_IMAGE: 'waba-test/mariadb:10.11',
  WABA_E2E_POLICY_IMAGE: `waba-test/kube-router:${KUBE_ROUTER}`,
  WABA_E2E_GATEWAY_IMAGE: `waba-test/traefik:${TRAEFIK_VERSION}`,
};

const run = (program, ...args) => execFileSync(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
const isThere = (image) => {
  try {
    execFileSync('docker', ['image', 'inspect', image], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const build = (image, context, ...flags) =>
  run('docker', 'build', '--quiet', '--tag', image, ...flags, context);

if (!isThere(images.BUILD_BASE) || !isThere(images.NODE_BASE)) {
  const context = await mkdtemp(join(tmpdir(), 'waba-node-'));
  const unpack = async (name, folder) => {
    const [packed] = JSON.parse(run('npm', 'pack', '--json', '--pack-destination', context, name));
    await mkdir(folder, { recursive: true });
    run('tar', '-xzf', join(context, packed.filename), '-C', folder, '--strip-components=1');
  };
  await cp('test/images/base', context, { recursive: true });
  const node = join(context, 'node');
  await unpack(`node-linux-${process.arch}@${NODE}`, node);
  await unpack(`npm@${NPM}`, join(node, 'lib/node_modules/npm'));
  for (const command of ['npm', 'npx'])
    run('ln', '-sfn', `../lib/node_modules/npm/bin/${command}-cli.js`, join(node, 'bin', command));
  const trusted = [process.env.NODE_EXTRA_CA_CERTS, '/etc/ssl/certs/ca-certificates.crt'].find(
    (file) => file && existsSync(file),
  );
  await (trusted ? cp(trusted, join(context, 'trusted.pem')) : writeFile(join(context, 'trusted.pem'), ''));
  build(images.BUILD_BASE, context, '--target', 'build');
  build(images.NODE_BASE, context, '--target', 'runtime');
  await rm(context, { recursive: true });
}
if (!isThere(images.WABA_E2E_DATABASE_IMAGE)) build(images.WABA_E2E_DATABASE_IMAGE, 'test/images/postgres');
if (!isThere(images.WABA_E2E_MARIADB_IMAGE)) build(images.WABA_E2E_MARIADB_IMAGE, 'test/images/mariadb');
if (!isThere(images.WABA_E2E_POLICY_IMAGE)) {
  // Its output is not for the shell that evaluates ours.
  execFileSync(process.execPath, ['scripts/setup.mjs', 'kube-router'], { stdio: ['ignore', 2, 2] });
  const context = await mkdtemp(join(tmpdir(), 'waba-kube-router-'));
  await cp('test/images/kube-router', context, { recursive: true });
  await cp(join(goFolder, 'kube-router'), join(context, 'kube-router'));
  build(images.WABA_E2E_POLICY_IMAGE, context);
  await rm(context, { recursive: true });
}
if (!isThere(images.WABA_E2E_GATEWAY_IMAGE)) {
  const context = await mkdtemp(join(tmpdir(), 'waba-traefik-image-'));
  try {
    await cp('test/images/traefik/Dockerfile', join(context, 'Dockerfile'));
    await buildTraefik(join(context, 'traefik'));
    build(images.WABA_E2E_GATEWAY_IMAGE, context);
  } catch (error) {
    // Only one test needs it, and every other test needs the images above.
    console.error(`FAILED: ${images.WABA_E2E_GATEWAY_IMAGE}: ${error}`);
    delete images.WABA_E2E_GATEWAY_IMAGE;
  }
  await rm(context, { recursive: true });
}
if (options['cloudnative-pg']) {
  images.WABA_E2E_CNPG_IMAGE = `waba-test/cloudnative-pg:${CLOUD_NATIVE_PG_VERSION}`;
  // CloudNativePG reads the major version from the tag.
  images.WABA_E2E_CNPG_POSTGRES_IMAGE = 'waba-test/cloudnative-pg-postgres:15';
  if (!isThere(images.WABA_E2E_CNPG_IMAGE)) {
    const context = await mkdtemp(join(tmpdir(), 'waba-cloudnative-pg-'));
    await cp('test/images/cloudnative-pg', context, { recursive: true });
    await buildCloudNativePG(join(context, 'root'));
    build(images.WABA_E2E_CNPG_IMAGE, context);
    await rm(context, { recursive: true });
  }
  if (!isThere(images.WABA_E2E_CNPG_POSTGRES_IMAGE))
    build(
      images.WABA_E2E_CNPG_POSTGRES_IMAGE,
      'test/images/cloudnative-pg-postgres',
      ...['--build-arg', `POSTGRES=${images.WABA_E2E_DATABASE_IMAGE}`],
    );
}
for (const [name, image] of Object.entries(images)) console.log(`export ${name}=${image}`);
