// CloudNativePG from its Go module: the controller as a program, and the manifest of the release that installs it.
import { execFileSync } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

export const CLOUD_NATIVE_PG_VERSION = '1.30.0';

const MODULE = 'github.com/cloudnative-pg/cloudnative-pg';
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };

const go = (cwd, ...args) =>
  execFileSync('go', args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, CGO_ENABLED: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });

/** The folder with the source of the release, in the module cache, which is read-only. */
export function cloudNativePGSource() {
  const { Dir } = JSON.parse(go('.', 'mod', 'download', '-json', `${MODULE}@v${CLOUD_NATIVE_PG_VERSION}`));
  return Dir;
}

/** The manifest with definitions, rights, webhooks and Deployment of the release. */
export const cloudNativePGManifest = () =>
  join(cloudNativePGSource(), 'releases', `cnpg-${CLOUD_NATIVE_PG_VERSION}.yaml`);

/** Writes what the image of the controller holds to `folder`. */
export async function buildCloudNativePG(folder) {
  const program = `operator/manager_${ARCHITECTURES[process.arch]}`;
  await mkdir(join(folder, 'operator'), { recursive: true });
  go(
    cloudNativePGSource(),
    ...['build', '-trimpath', '-ldflags', '-s -w', '-o', join(folder, program), './cmd/manager'],
  );
  await symlink(program, join(folder, 'manager'));
}
