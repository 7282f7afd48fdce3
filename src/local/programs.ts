import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { freemem, homedir } from 'node:os';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { findExecutable, isExecutable, runBound } from '../base/childProcess.ts';
import { CodedError, describeError } from '../base/codedError.ts';
import { eitherSignal } from '../base/eitherSignal.ts';
import { type KubernetesVersion, kubernetesVersion, minorOf } from './kubernetesVersions.ts';
import type { Progress } from './progress.ts';

/** Programs of a control plane. kubectl is optional. */
const REQUIRED = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
const OPTIONAL = ['kubectl'] as const;
type Program = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number];

export interface Programs {
  readonly folder: string;
  readonly origin: 'KUBEBUILDER_ASSETS' | 'cache' | 'download' | 'build';
  /** Of Kubernetes. What `KUBEBUILDER_ASSETS` names may be another one. */
  readonly version: KubernetesVersion;
  path(program: Program): string;
}

export interface FindOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  /** Folder with main.go of the build, and go.mod and go.sum in a folder for each version. */
  readonly sourceFolder: string;
  readonly cacheFolder?: string;
  /** Where programs are published; a mirror for machines without internet access. */
  readonly publishedAt?: PublishedAt;
}

interface PublishedAt {
  /** Index of the envtest archives, with their addresses and SHA-512. */
  readonly envtestIndex: string;
  /** Root of the release server; each program has a `.sha512` beside it. */
  readonly releases: string;
}

const PUBLISHED_AT: PublishedAt = {
  envtestIndex:
    'https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml',
  releases: 'https://dl.k8s.io',
};
/** A server that does not answer within this time counts as unreachable, and the programs are built instead. */
const CONNECT_TIMEOUT_MS = 10_000;

const userCacheFolder = (env: FindOptions['env']): string =>
  join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'waba-operator');

/**
 * Finds the programs of the control plane: in `KUBEBUILDER_ASSETS`, in the cache, on the internet (checksums verified),
 * or builds them from Go modules (checksums in go.sum), in this order. The last two fill the cache. `KUBERNETES_VERSION`
 * asks for a version, and then `KUBEBUILDER_ASSETS`, whose version nobody knows, does not count.
 *
 * @throws CodedError `UnsupportedSystem`, `UnknownKubernetes`, `NoPrograms` (with what to do)
 */
export async function findPrograms(options: FindOptions, signal: AbortSignal): Promise<Programs> {
  const { env, progress } = options;
  if (process.platform !== 'linux') {
    throw new CodedError(
      'UnsupportedSystem',
      `the local cluster runs on Linux, not on ${process.platform}; use kind there`,
    );
  }
  const version = kubernetesVersion(env);
  const assets = env.KUBEBUILDER_ASSETS;
  if (assets && env.KUBERNETES_VERSION) {
    progress.note(
      `KUBERNETES_VERSION=${env.KUBERNETES_VERSION} asks for a version, so the programs of KUBEBUILDER_ASSETS are not used; unset one of the two`,
    );
  } else if (assets) {
    if (isComplete(assets)) return programs(assets, 'KUBEBUILDER_ASSETS', version);
    progress.note(
      `KUBEBUILDER_ASSETS=${assets} lacks ${REQUIRED.filter((name) => !isExecutable(join(assets, name))).join(', ')}; searching the cache and the internet instead`,
    );
  }
  const cache = options.cacheFolder ?? userCacheFolder(env);
  const folder = join(cache, 'kubernetes', `${version}-linux-${process.arch}`);
  if (isComplete(folder)) return programs(folder, 'cache', version);

  // Filled in a folder beside the cache and then renamed, so that an interrupted attempt leaves no partial cache.
  const attempt = `${folder}.${process.pid}`;
  try {
    await mkdir(attempt, { recursive: true });
  } catch (cause) {
    throw new CodedError(
      'NoPrograms',
      `cannot write to the cache folder ${cache}; set XDG_CACHE_HOME to another folder`,
      { cause },
    );
  }
  try {
    const origin = await fill(attempt, version, options, signal);
    await rm(folder, { recursive: true, force: true });
    await rename(attempt, folder);
    return programs(folder, origin, version);
  } finally {
    await rm(attempt, { recursive: true, force: true });
  }
}

async function fill(
  folder: string,
  version: KubernetesVersion,
  options: FindOptions,
  signal: AbortSignal,
): Promise<'download' | 'build'> {
  const { progress } = options;
  let downloadError: unknown;
  try {
    await downloadPrograms(folder, version, options, signal);
    return 'download';
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    downloadError = error;
    progress.note(`cannot download Kubernetes (${describeError(error)})`);
  }
  const go = findExecutable('go', options.env.PATH);
  if (!go) {
    throw new CodedError(
      'NoPrograms',
      'Kubernetes can be neither downloaded nor built here. Connect to the internet, or install Go 1.24 or later, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, kube-controller-manager and kube-scheduler',
      { cause: downloadError },
    );
  }
  await buildPrograms(go, folder, version, options, signal);
  return 'build';
}

/** Downloads a file and verifies its SHA-2 digest (256 or 512 bits, by the length of `digest`). */
async function downloadVerified(url: string, digest: string, signal: AbortSignal): Promise<Buffer> {
  const content = Buffer.from(await (await download(url, signal)).arrayBuffer());
  const algorithm = digest.length === 128 ? 'sha512' : 'sha256';
  const actual = createHash(algorithm).update(content).digest('hex');
  if (actual !== digest)
    throw new CodedError('BadChecksum', `${url} has ${algorithm} ${actual}, but ${digest} is published`);
  return content;
}

async function download(url: string, signal: AbortSignal): Promise<Response> {
  const patience = new AbortController();
  // Not released: whoever reads the body later can still be stopped.
  const either = eitherSignal(signal, patience.signal);
  const timer = setTimeout(
    () => patience.abort(new CodedError('Deadline', `${url} does not answer`)),
    CONNECT_TIMEOUT_MS,
  );
  try {
    const response = await fetch(url, { signal: either.signal });
    if (!response.ok) throw new CodedError('Download', `${url} answers ${response.status}`);
    return response;
  } finally {
    clearTimeout(timer);
  }
}

async function downloadPrograms(
  folder: string,
  version: KubernetesVersion,
  { progress, publishedAt = PUBLISHED_AT }: FindOptions,
  signal: AbortSignal,
): Promise<void> {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const step = progress.step(`downloading Kubernetes ${version}`);
  try {
    const index = load(await (await download(publishedAt.envtestIndex, signal)).text()) as {
      releases?: Record<string, Record<string, { hash: string; selfLink: string }>>;
    };
    // The newest envtest archive of our minor version. Its patch version may be older than ours.
    const minor = minorOf(version);
    const release = Object.keys(index.releases ?? {})
      .filter((name) => minorOf(name) === minor)
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
      .at(-1);
    const archive = release && index.releases?.[release]?.[`envtest-${release}-linux-${arch}.tar.gz`];
    if (!archive) throw new CodedError('Download', `no envtest archive for ${minor} on ${arch}`);

    step.update('etcd, kube-apiserver, kubectl');
    const tarball = join(folder, 'envtest.tar.gz');
    await writeFile(tarball, await downloadVerified(archive.selfLink, archive.hash, signal));
    await runBound(['tar', '-xzf', tarball, '-C', folder, '--strip-components=2'], { signal });
    await rm(tarball);
    for (const name of ['kube-controller-manager', 'kube-scheduler']) {
      step.update(name);
      const url = `${publishedAt.releases}/${version}/bin/linux/${arch}/${name}`;
      const digest = (await (await download(`${url}.sha512`, signal)).text()).trim().slice(0, 128);
      await writeFile(join(folder, name), await downloadVerified(url, digest, signal), { mode: 0o755 });
    }
    step.done();
  } catch (error) {
    step.failed();
    throw error;
  }
}

/**
 * Free memory above which the Go compiler does not collect its garbage, which shortens the build. Each
 * compiler lives for one package, and one runs on each core.
 */
const COMPILER_WITHOUT_GC_BYTES = 8 * 1024 ** 3;

/** Builds one binary that serves as all programs, so that shared packages are compiled and linked once. */
async function buildPrograms(
  go: string,
  folder: string,
  version: KubernetesVersion,
  options: FindOptions,
  signal: AbortSignal,
): Promise<void> {
  const { progress, sourceFolder } = options;
  progress.note(
    'Kubernetes is built once, which takes minutes. Meanwhile the emulator needs no cluster: run "npm run emulator" in another terminal',
  );
  const step = progress.step(`building Kubernetes ${version} from Go modules`);
  const source = join(folder, 'source');
  await mkdir(source);
  // The source folder may be read-only, and the build needs a module that it may write.
  await copyFile(join(sourceFolder, 'main.go'), join(source, 'main.go'));
  for (const name of ['go.mod', 'go.sum'])
    await copyFile(join(sourceFolder, version, name), join(source, name));
  const goVersion = /^go (\d+\.\d+)/m.exec(await readFile(join(source, 'go.mod'), 'utf8'))?.[1];
  const env = {
    ...(freemem() >= COMPILER_WITHOUT_GC_BYTES ? { GOGC: 'off' } : {}),
    ...options.env,
    CGO_ENABLED: '0',
    GOFLAGS: '-mod=mod',
    GOWORK: 'off',
  };
  const [, minor = ''] = version.split('.');
  const variables = 'k8s.io/component-base/version';
  const linkerFlags = [
    '-s',
    '-w',
    `-X ${variables}.gitVersion=${version}`,
    `-X ${variables}.gitMajor=1`,
    `-X ${variables}.gitMinor=${minor}`,
  ];
  try {
    step.update('downloading modules');
    await runBound([go, 'mod', 'download'], { cwd: source, env, signal });
    const listed = await runBound([go, 'list', '-deps', '.'], { cwd: source, env, signal });
    const packages = listed.split('\n').length;
    let compiled = 0;
    const output = join(folder, 'kube');
    const onLine = () => step.update(`compiling, ${++compiled} of at most ${packages} packages`);
    await runBound([go, 'build', '-v', '-trimpath', '-ldflags', linkerFlags.join(' '), '-o', output, '.'], {
      cwd: source,
      env,
      signal,
      onLine,
    });
  } catch (error) {
    step.failed();
    if (signal.aborted) throw signal.reason;
    throw new CodedError(
      'NoPrograms',
      `building Kubernetes failed. Check the output above: Go must be ${goVersion} or later, its module proxy reachable, and about 4 GB of disk free`,
      { cause: error },
    );
  }
  for (const name of [...REQUIRED, ...OPTIONAL]) await symlink('kube', join(folder, name));
  await chmod(join(folder, 'kube'), 0o755);
  await rm(source, { recursive: true });
  step.done();
}

const isComplete = (folder: string): boolean => REQUIRED.every((name) => isExecutable(join(folder, name)));

function programs(folder: string, origin: Programs['origin'], version: KubernetesVersion): Programs {
  return { folder, origin, version, path: (program) => join(folder, program) };
}
