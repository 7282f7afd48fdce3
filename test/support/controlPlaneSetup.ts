import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startControlPlane } from '../../src/local/controlPlane.ts';
import { findPrograms } from '../../src/local/programs.ts';
import { createProgress } from '../../src/local/progress.ts';
import { systemClock } from '../../src/runtime/clock.ts';

declare module 'vitest' {
  interface ProvidedContext {
    kubeconfig: string;
    kubectl: string;
  }
}

/** One real control plane for all files of the layer; each file uses namespaces of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'waba-control-plane-'));
  const { signal } = new AbortController();
  const programs = await findPrograms(
    { env: process.env, progress: createProgress(process.stderr), sourceFolder: 'src/local/kubernetes' },
    signal,
  );
  const controlPlane = await startControlPlane(
    { programs, folder, serviceCidr: '127.96.0.0/16', clock: systemClock },
    signal,
  );
  project.provide('kubeconfig', controlPlane.kubeconfigPath);
  project.provide('kubectl', programs.path('kubectl'));
  return async () => {
    await controlPlane.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
