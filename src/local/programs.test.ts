import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listen } from '../base/ports.ts';
import { findPrograms, KUBERNETES_VERSION } from './programs.ts';
import { silentProgress } from './progress.ts';

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
  const minor = KUBERNETES_VERSION.replace(/\.\d+$/, '');
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

const find = (env: Record<string, string> = {}) =>
  findPrograms(
    {
      // No Go on this PATH: what can't be downloaded can't be built either.
      env: { PATH: folder, ...env },
      progress: silentProgress,
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
});
