import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { freePort } from '../../src/base/ports.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import { kinds } from '../../src/engine/kube/kubeObject.ts';
import { serveCustomResource } from '../../src/engine/simulation/schemas.ts';
import { SimulatedApiServer } from '../../src/engine/simulation/simulatedApiServer.ts';
import { SimulatedTransport } from '../../src/engine/simulation/simulatedTransport.ts';
import { eventually } from '../support/eventually.ts';
import { installPacked, type PackedPackage, packPackage } from '../support/packedPackage.ts';
import { serveSimulation } from '../support/servedSimulation.ts';

interface About {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Bytes of the files that npm unpacks. */
const LARGEST = 1024 * 1024;
const Shop = { apiVersion: 'example.com/v1', kind: 'Shop', plural: 'shops', namespaced: true };
const { signal } = new AbortController();

let folder: string;
let packed: PackedPackage;
let programs: string[];

const aboutOf = async (path: string): Promise<About> =>
  JSON.parse(await readFile(join(path, 'package.json'), 'utf8')) as About;

/** The packages that this one needs, from node_modules: npm cannot look them up without a network. */
async function needsOf(path: string, found = new Set<string>()): Promise<Set<string>> {
  for (const name of Object.keys((await aboutOf(path)).dependencies ?? {})) {
    if (found.has(name)) continue;
    found.add(name);
    await needsOf(join('node_modules', name), found);
  }
  return found;
}

/** The programs of the page, by the comment in their first line. */
async function programsOf(page: string): Promise<Map<string, string>> {
  const blocks = (await readFile(page, 'utf8')).matchAll(/^```ts\n(?:\/\/ (\S+\.ts)\n)?([\s\S]*?)^```$/gm);
  return new Map([...blocks].map(([, name = '(without a name)', text = '']) => [name, text]));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-engine-package-'));
  packed = await packPackage('dist/waba-engine', folder);
  const needs: PackedPackage[] = [];
  for (const name of await needsOf('dist/waba-engine'))
    needs.push(await packPackage(join('node_modules', name), folder));
  await installPacked(folder, [packed, ...needs]);
  // The peer that kubeconfigs need.
  await mkdir(join(folder, 'node_modules/@kubernetes'));
  await symlink(
    resolve('node_modules/@kubernetes/client-node'),
    join(folder, 'node_modules/@kubernetes/client-node'),
  );

  const shown = await programsOf('docs/engine.md');
  for (const [name, text] of await programsOf('packages/waba-engine/README.md'))
    shown.set(`readme-${name}`, text);
  programs = [...shown.keys()];
  for (const [name, text] of shown) await writeFile(join(folder, name.replace(/ .*|\(.*/, 'block.ts')), text);
}, 240_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the npm package of the engine', () => {
  it('holds bundles, types and licences, and nothing of the operator or native', async () => {
    const paths = packed.files.map(({ path }) => path);
    for (const path of [
      'LICENSE',
      'README.md',
      'THIRD-PARTY-NOTICES',
      'index.js',
      'package.json',
      'testing.js',
      'types/engine/index.d.ts',
      'types/engine/testing.d.ts',
    ])
      expect(paths).toContain(path);
    const others = paths.filter(
      (path) =>
        !/^(chunks\/[\w-]+|index|testing)\.js$|^types\/(base|engine)\/.+\.d\.ts$|^package\.json$/.test(
          path,
        ) && !/^(README\.md|LICENSE|THIRD-PARTY-NOTICES)$/.test(path),
    );
    expect(others).toEqual([]);
    expect(packed.unpackedSize).toBeLessThan(LARGEST);
    for (const file of (await readdir('dist/waba-engine', { recursive: true })).filter((name) =>
      /\.(js|d\.ts)$/.test(name),
    ))
      expect([file, await readFile(join('dist/waba-engine', file), 'utf8')]).toEqual([
        file,
        expect.not.stringMatching(/whatsapp|webapp|coreapp|multiconnect|onprem/i),
      ]);
  });

  it('needs what its user shares with it, in the versions that this repository tests', async () => {
    const own = (await aboutOf('.')).dependencies;
    expect((await aboutOf('dist/waba-engine')).dependencies).toEqual({
      '@opentelemetry/api': `^${own?.['@opentelemetry/api']}`,
      hpagent: `^${own?.hpagent}`,
      'prom-client': `^${own?.['prom-client']}`,
    });
  });

  it('compiles each program of its guide, with the checks of the strict compiler, library types included', {
    timeout: 120_000,
  }, async () => {
    expect(programs).toEqual(['shops.ts', 'main.ts', 'shops.test.ts', 'readme-(without a name)']);
    const options = [
      '--strict',
      '--exactOptionalPropertyTypes',
      '--noUncheckedIndexedAccess',
      '--target',
      'ES2023',
    ];
    const modules = [
      '--module',
      'NodeNext',
      '--typeRoots',
      resolve('node_modules/@types'),
      '--types',
      'node',
    ];
    const { stdout } = await execa(
      resolve('node_modules/.bin/tsc'),
      [...options, ...modules, 'shops.ts', 'main.ts', 'shops.test.ts', 'readme-block.ts'],
      { cwd: folder, reject: false },
    );
    expect(stdout).toBe('');
  });

  it('runs the test of its guide against the simulated API server', { timeout: 120_000 }, async () => {
    const { stdout } = await execa('node', ['--test', '--test-reporter=tap', 'shops.test.js'], {
      cwd: folder,
    });
    expect(stdout).toMatch(/^# pass 1$/m);
  });

  it('runs the program of its guide over HTTPS, until it is told to stop', { timeout: 120_000 }, async () => {
    serveCustomResource(Shop);
    const server = new SimulatedApiServer({ clock: systemClock });
    const client = new KubeClient(new SimulatedTransport({ server, clock: systemClock }));
    const served = await serveSimulation(server, () => true);
    const { tls } = await served.credentials.identity();
    await writeFile(
      join(folder, 'kubeconfig'),
      JSON.stringify({
        'current-context': 'here',
        clusters: [
          {
            name: 'here',
            cluster: {
              server: served.credentials.server,
              'certificate-authority-data': Buffer.from(String(tls.ca)).toString('base64'),
            },
          },
        ],
        users: [{ name: 'me', user: { token: 'secret' } }],
        contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
      }),
    );
    const port = await freePort();
    const env = {
      KUBECONFIG: join(folder, 'kubeconfig'),
      PORT: String(port),
      KUBERNETES_SERVICE_HOST: undefined,
    };
    const program = execa('node', ['main.js'], { cwd: folder, env, reject: false });
    try {
      const metadata = { name: 'corner', namespace: 'default' };
      const { apiVersion, kind } = Shop;
      await client.create(
        { apiVersion, kind, metadata, spec: { shelves: 1 } },
        { fieldManager: 'test' },
        signal,
      );
      const made = await eventually(() => client.get(kinds.ConfigMap, 'default', 'corner-0', signal));
      expect(made.metadata.ownerReferences?.[0]).toMatchObject({
        kind: 'Shop',
        name: 'corner',
        controller: true,
      });
      expect(await (await fetch(`http://127.0.0.1:${port}/readyz`)).text()).toBe('ok\n');
      expect(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).toContain(
        'leader_election_master_status{name="shops"} 1',
      );
      program.kill('SIGTERM');
      const { exitCode, stderr } = await program;
      expect([exitCode, stderr]).toEqual([0, expect.stringContaining('"message":"stopped"')]);
    } finally {
      program.kill('SIGKILL');
      await program;
      await served.close();
    }
  });
});
