import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { localImages } from '../../src/cli/localCommand.ts';
import type { ImageTable } from '../../src/local/processNode/containerCommand.ts';

/** The last commit whose operator let the StatefulSet controller restart pods. */
const PREVIOUS_COMMIT = 'cd5ac5f1632a631331aaf10130d447436099f5ee';
const REGISTRY = 'ghcr.io/waba-operator';

/** Names of the images of the earlier commit; each is a program of its own on the process node. */
export const PREVIOUS_IMAGES = {
  operator: `${REGISTRY}/waba-operator-previous:0.1.0`,
  stack: `${REGISTRY}/waba-stack-previous:0.1.0`,
} as const;

export interface PreviousRelease {
  readonly commit: string;
  /** Folder of the earlier commit, with its deploy/install.yaml. */
  readonly folder: string;
  readonly images: ImageTable;
  close(): Promise<void>;
}

const run = promisify(execFile);

/**
 * Unpacks and builds an earlier commit of this repository, with the packages that are installed here.
 * @throws Error if the history of the checkout does not reach back to it
 */
export async function buildPreviousRelease(): Promise<PreviousRelease> {
  const commit = process.env.PREVIOUS_COMMIT ?? PREVIOUS_COMMIT;
  await run('git', ['cat-file', '-e', `${commit}^{commit}`]).catch((cause: unknown) => {
    throw new Error(
      `commit ${commit}, whose operator this test upgrades, is not in this checkout; fetch the whole history: git fetch --unshallow (in CI: actions/checkout with fetch-depth: 0)`,
      { cause },
    );
  });
  const folder = await mkdtemp(join(tmpdir(), 'waba-previous-'));
  const archive = join(folder, 'source.tar');
  await run('git', ['archive', '--output', archive, commit]);
  await run('tar', ['-xf', archive, '-C', folder]);
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  await run(process.execPath, ['scripts/build.mjs', '--quiet'], { cwd: folder });
  const { 'waba-operator': operator, 'waba-stack': stack } = localImages(join(folder, 'dist'));
  if (!operator || !stack) throw new Error('localImages names the images of the operator and of the stack');
  return {
    commit,
    folder,
    images: { 'waba-operator-previous': operator, 'waba-stack-previous': stack },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
