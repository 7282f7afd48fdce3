import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listen } from '../base/ports.ts';
import { KUBERNETES_VERSION, KUBERNETES_VERSIONS, minorOf } from './kubernetesVersions.ts';
import { findPrograms } from './programs.ts';
import { type Progress, silentProgress } from './progress.ts';

const never = new AbortController().signal;
const arch = process.arch === 'x64' ? 'amd64' : process.arch;
const sha512 = (content: Buffer | string) => createHash('sha512').update(content).digest('hex');

let folder: string;
let server: Server;
let published: Map<string, Buffer | string>;
let url: string;

/** A release server with programs that only tell their names. */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waba-programs-'));
  const archive = join(folder, 'archive', 'controller-tools', 'envtest');
  mkdirSync(archive, { recursive: true });
  for (const name of ['etcd', 'kube-apiserver', 'kubectl'])
    writeFileSync(join(archive, name), `#!/bin/sh\necho ${name}\n`, { mode: 0o755 });
  const tarball = execFileSync('tar', ['-czf', '-', '-C', join(folder, 'archive'), 'controller-tools']);
  published = new Map();
  server = createServer((request, response) => {
    const content = published.get(request.url ?? '');
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  url = `http://127.0.0.1:${await listen(server, { host: '127.0.0.1', port: 0 })}`;
  const minor = minorOf(KUBERNETES_VERSION);
  const entry = (version: string) =>
    `  ${version}:\n    envtest-${version}-linux-${arch}.tar.gz:\n      hash: ${sha512(tarball)}\n      selfLink: ${url}/${version}.tar.gz\n`;
  published.set('/index', `releases:\n${entry(`${minor}.9`)}${entry(`${minor}.10`)}${entry('v1.20.1')}`);
  published.set(`/${minor}.10.tar.gz`, tarball);
  for (const name of ['kube-controller-manager', 'kube-scheduler']) {
    const path = `/${KUBERNETES_VERSION}/bin/linux/${arch}/${name}`;
    published.set(path, `#!/bin/sh\necho ${name}\n`);
    published.set(`${path}.sha512`, `${sha512(`#!/bin/sh\necho ${name}\n`)}  ${name}\n`);
  }
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const find = (env: Record<string, string> = {}, progress: Progress = silentProgress) =>
  findPrograms(
    {
      // No Go on this PATH: what can't be downloaded can't be built either.
      env: { PATH: folder, ...env },
      progress,
      sourceFolder: 'src/local/kubernetes',
      cacheFolder: join(folder, 'cache'),
      publishedAt: { envtestIndex: `${url}/index`, releases: url },
    },
    never,
  );

describe('the programs of a control plane', () => {
  it('are downloaded, the newest archive of the minor version, and found in the cache afterwards', async () => {
    const downloaded = await find();
    expect(downloaded.origin).toBe('download');
    for (const name of [
      'etcd',
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
      'kubectl',
    ] as const)
      expect(execFileSync(downloaded.path(name), { encoding: 'utf8' })).toBe(`${name}\n`);
    published.clear();
    expect((await find()).origin).toBe('cache');
  });

  it('are refused when a checksum differs, and nothing stays in the cache', async () => {
    published.set(`/${KUBERNETES_VERSION}/bin/linux/${arch}/kube-scheduler`, 'something else');
    const error = await find().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'NoPrograms', cause: { code: 'BadChecksum' } });
    expect(String(error)).toContain('KUBEBUILDER_ASSETS');
    expect(readdirSync(join(folder, 'cache', 'kubernetes'))).toEqual([]);
  });

  it('come from KUBEBUILDER_ASSETS where all of them are there', async () => {
    const first = await find();
    const given = await find({ KUBEBUILDER_ASSETS: first.folder });
    expect(given.origin).toBe('KUBEBUILDER_ASSETS');
    expect(readFileSync(given.path('etcd'), 'utf8')).toContain('echo etcd');
  });

  it('are those of the version that was asked for, each in a cache of its own', async () => {
    const first = await find();
    const asked = { KUBERNETES_VERSION: KUBERNETES_VERSION.slice(1), KUBEBUILDER_ASSETS: '/of/some/version' };
    expect(await find(asked)).toMatchObject({ folder: first.folder, origin: 'cache' });
    // Its programs are not published here, and there is no Go.
    await expect(find({ ...asked, KUBERNETES_VERSION: '1.37' })).rejects.toMatchObject({
      code: 'NoPrograms',
    });
    expect(readdirSync(join(folder, 'cache', 'kubernetes'))).toHaveLength(1);
  });
});

/** Takes the place of Go: notes what it is told, and makes a program that is empty. */
const GO = `#!/bin/sh
echo "$1 GOGC=$GOGC" >>"$NOTES"
while [ $# -gt 0 ]; do if [ "$1" = -o ]; then echo '#!/bin/sh' >"$2"; fi; shift; done
`;

describe('the programs of a control plane that can only be built', () => {
  it('are built while the user is told what works without them', async () => {
    published.clear();
    writeFileSync(join(folder, 'go'), GO, { mode: 0o755 });
    const notes = join(folder, 'notes');
    const told: string[] = [];
    const progress = { ...silentProgress, note: (text: string) => void told.push(text) };
    const built = await find({ PATH: `${folder}:/usr/bin:/bin`, NOTES: notes, GOGC: '77' }, progress);
    expect(built.origin).toBe('build');
    expect(told.at(-1)).toContain('npm run emulator');
    // What the user has set for the compiler holds.
    expect(readFileSync(notes, 'utf8')).toBe('mod GOGC=77\nlist GOGC=77\nbuild GOGC=77\n');
    expect((await find()).origin).toBe('cache');
  });
});

describe('the modules from which the programs are built', () => {
  it('are there for each version, with the parts of that version only', () => {
    const folders = readdirSync('src/local/kubernetes', { withFileTypes: true });
    expect(folders.filter((entry) => entry.isDirectory()).map(({ name }) => name)).toEqual([
      ...KUBERNETES_VERSIONS,
    ]);
    for (const version of KUBERNETES_VERSIONS) {
      const module = readFileSync(`src/local/kubernetes/${version}/go.mod`, 'utf8');
      expect(/^(?:require |\t)k8s\.io\/kubernetes (\S+)$/m.exec(module)?.[1]).toBe(version);
      const parts = [...module.matchAll(/^\tk8s\.io\/\S+ => k8s\.io\/\S+ (\S+)$/gm)].map(([, of]) => of);
      expect([version, ...new Set(parts)]).toEqual([version, version.replace('v1.', 'v0.')]);
    }
  });
});
