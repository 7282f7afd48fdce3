import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { krewManifest, writeArchive } from '../../scripts/cliArchives.mjs';
import { VERSION } from '../../src/base/version.ts';
import { installPacked, packPackage } from '../support/packedPackage.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-plugin-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the npm package of the kubectl plugin', () => {
  it('runs from an empty folder, by its name and with npx, and brings its completion', async () => {
    const packed = await packPackage('dist/kubectl-waba', folder);
    expect(
      packed.files
        .map(({ path }) => path)
        .filter((path) => !/\.(js|json|md)$|^(LICENSE|THIRD-PARTY-NOTICES)$/.test(path)),
    ).toEqual([]);
    const notices = await readFile('dist/kubectl-waba/THIRD-PARTY-NOTICES', 'utf8');
    expect(notices).toMatch(/^@kubernetes\/client-node /m);
    await installPacked(folder, [packed]);
    const commands = join(folder, 'node_modules/.bin');
    expect((await execa(join(commands, 'kubectl-waba'), ['--version'])).stdout).toBe(VERSION);
    const npx = ['--no-install', 'kubectl-waba', '--version'];
    expect((await execa('npx', npx, { cwd: folder })).stdout).toBe(VERSION);
    expect((await execa(join(commands, 'kubectl_complete-waba'), ['sta'])).stdout).toBe('status\n:4');
  });
});

describe('the archive of the kubectl plugin', () => {
  it('runs through a link where no Node.js is installed, and krew finds it', async () => {
    const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
    // Node.js itself would take half a minute to pack.
    const node = join(folder, 'node');
    await writeFile(node, `#!/bin/sh\nexec "${process.execPath}" "$@"\n`, { mode: 0o755 });
    const archive = await writeArchive({
      platform,
      node,
      nodeLicence: 'LICENSE',
      version: VERSION,
      folder: join(folder, 'archives'),
    });
    await execa('tar', ['-xzf', archive.file, '-C', folder]);
    const link = join(folder, 'kubectl-waba');
    await symlink(join(archive.name, 'kubectl-waba'), link);
    const env = {
      PATH: ['/usr/bin', '/bin'].filter((one) => one !== dirname(process.execPath)).join(delimiter),
    };
    expect((await execa(link, ['--version'], { env, extendEnv: false })).stdout).toBe(VERSION);
    const [found] = (
      JSON.parse(krewManifest(VERSION, [archive])) as {
        spec: { platforms: readonly { uri: string; files: readonly { from: string }[] }[] };
      }
    ).spec.platforms;
    expect(found).toMatchObject({ sha256: archive.sha256, files: [{ from: `${archive.name}/*`, to: '.' }] });
    expect(found?.uri).toMatch(new RegExp(`/v${VERSION}/${archive.name}\\.tar\\.gz$`));
  });
});
