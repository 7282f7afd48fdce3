import type { TestProject } from 'vitest/node';
import { administratorClient } from './administratorClient.ts';
import { playNode } from './playedNode.ts';
import { startTestControlPlane } from './testControlPlane.ts';

declare module 'vitest' {
  interface ProvidedContext {
    kubeconfig: string;
    kubectl: string;
  }
}

/** One real control plane for all files of the test project; each file uses its own namespaces. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { controlPlane, programs, close } = await startTestControlPlane();
  const stop = new AbortController();
  const node = await playNode(await administratorClient(controlPlane.kubeconfigPath), stop.signal);
  project.provide('kubeconfig', controlPlane.kubeconfigPath);
  project.provide('kubectl', programs.path('kubectl'));
  return async () => {
    stop.abort();
    await node.closed;
    await close();
  };
}
