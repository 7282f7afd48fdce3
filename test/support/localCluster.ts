import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { listen } from '../../src/base/ports.ts';
import { localImages } from '../../src/cli/localCommand.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../src/local/controlPlane.ts';
import type { ImageTable } from '../../src/local/processNode/containerCommand.ts';
import { NodeAgent } from '../../src/local/processNode/nodeAgent.ts';
import { findPrograms } from '../../src/local/programs.ts';
import { silentProgress } from '../../src/local/progress.ts';

const MARKER_PORT = 61_000;
const never = new AbortController().signal;

export interface TestCluster {
  readonly controlPlane: ControlPlane;
  readonly folder: string;
  kubectl(...args: string[]): Promise<string>;
  restartNode(): Promise<void>;
  close(): Promise<void>;
}

/** A control plane and a process node in this process, running the bundles of dist/. */
export async function startTestCluster(
  extraImages: ImageTable = {},
  extraFlags: ControlPlaneOptions['extraFlags'] = {},
  mountMode?: 'namespace' | 'rewrite',
): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'waba-cluster-'));
  const { octet, release } = await claimAddresses();
  const programs = await findPrograms(
    { env: process.env, progress: silentProgress, sourceFolder: 'src/local/kubernetes' },
    never,
  );
  const controlPlane = await startControlPlane(
    { programs, folder, serviceCidr: `127.${octet}.0.0/16`, clock: systemClock, extraFlags },
    never,
  );
  const startNode = () =>
    NodeAgent.start(
      {
        controlPlane,
        folder,
        podPrefix: `127.${octet + 1}`,
        images: { ...localImages(resolve('dist')), ...extraImages },
        preload: resolve('dist/podNetwork.cjs'),
        clock: systemClock,
        logger: silentLogger,
        env: process.env,
        ...(mountMode ? { mountMode } : {}),
      },
      never,
    );
  let node = await startNode();
  return {
    controlPlane,
    folder,
    kubectl: async (...args) =>
      (
        await promisify(execFile)(
          programs.path('kubectl'),
          ['--kubeconfig', controlPlane.kubeconfigPath, ...args],
          { maxBuffer: 16 * 1024 * 1024 },
        )
      ).stdout,
    restartNode: async () => {
      await node.close();
      node = await startNode();
    },
    close: async () => {
      await node.close();
      await controlPlane.stop();
      release();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * The second byte of two ranges of 127.0.0.0/8 that no other test of this machine has: whoever listens on the marker port of a
 * range owns it. The first clusters of users are below.
 */
async function claimAddresses(): Promise<{ octet: number; release: () => void }> {
  for (let octet = 130; octet < 250; octet += 2) {
    const marker = createServer();
    const isMine = await listen(marker, { host: `127.${octet}.255.254`, port: MARKER_PORT }).then(
      () => true,
      () => false,
    );
    if (isMine) return { octet, release: () => marker.unref().close() };
  }
  throw new Error('every range of addresses is taken by another test');
}
