import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Progress, Step } from '../../local/progress.ts';
import { BUILD_LIFETIME_DAYS } from '../../onprem/environment.ts';
import { inStep } from '../inStep.ts';
import { runProgram } from '../program.ts';

export const TARGETS = ['operator', 'stack'] as const;
export type ImageTarget = (typeof TARGETS)[number];

const REGISTRY = 'ghcr.io/waba-operator';
const DAY_MS = 86_400_000;

/** Name of an image of a release, as in the default values of the chart. */
export const imageName = (target: ImageTarget, version: string): string =>
  `${REGISTRY}/waba-${target}:${version}`;

export interface ImageBuildOptions {
  /** Folder with the Dockerfile. */
  readonly projectFolder: string;
  readonly version: string;
  /** `NODE_BASE` and `BUILD_BASE` become build arguments. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
  readonly progress: Progress;
}

/** Compressed sizes in bytes, as a node pulls them. */
export interface ImageSize {
  readonly image: string;
  readonly totalBytes: number;
  /** Size of the last layer, with the files of this project. The images share the other layers. */
  readonly ownBytes: number;
}

/** Builds both images with Docker. @throws CodedError `ProgramFailed`, `ProgramMissing` */
export async function buildImages(options: ImageBuildOptions, signal: AbortSignal): Promise<ImageSize[]> {
  const { projectFolder, version, env, now, progress } = options;
  const expiresOn = new Date(now.getTime() + BUILD_LIFETIME_DAYS * DAY_MS).toISOString().slice(0, 10);
  const values = {
    VERSION: version,
    EXPIRES_ON: expiresOn,
    NODE_BASE: env.NODE_BASE,
    BUILD_BASE: env.BUILD_BASE,
  };
  const buildArgs = Object.entries(values).flatMap(([name, value]) =>
    value ? ['--build-arg', `${name}=${value}`] : [],
  );
  const sizes: ImageSize[] = [];
  for (const target of TARGETS) {
    const image = imageName(target, version);
    const build = async (step: Pick<Step, 'update'>) => {
      const args = ['build', '--target', target, '--tag', image, ...buildArgs, projectFolder];
      const onLine = (line: string) => step.update(line.slice(0, 100));
      await runProgram('docker', args, { env: { DOCKER_BUILDKIT: '1', ...env }, onLine }, signal);
      return measure(image, env, signal);
    };
    sizes.push(await inStep(progress, `building ${image}`, build, describeSize));
  }
  return sizes;
}

const describeSize = ({ totalBytes, ownBytes }: ImageSize): string =>
  `${megabytes(totalBytes)} compressed, of which ${megabytes(ownBytes)} are not shared`;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

async function measure(
  image: string,
  env: ImageBuildOptions['env'],
  signal: AbortSignal,
): Promise<ImageSize> {
  const folder = await mkdtemp(join(tmpdir(), 'waba-image-'));
  try {
    const archive = join(folder, 'image.tar');
    await runProgram('docker', ['save', '--output', archive, image], { env }, signal);
    await runProgram('tar', ['-xf', archive, '-C', folder], {}, signal);
    const [manifest] = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as [
      { Layers: string[] },
    ];
    const layers = await Promise.all(manifest.Layers.map((layer) => compressedBytes(join(folder, layer))));
    const totalBytes = layers.reduce((sum, bytes) => sum + bytes, 0);
    return { image, totalBytes, ownBytes: layers.at(-1) ?? 0 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compressedBytes(file: string): Promise<number> {
  let bytes = 0;
  await pipeline(createReadStream(file), createGzip(), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) bytes += chunk.length;
  });
  return bytes;
}
