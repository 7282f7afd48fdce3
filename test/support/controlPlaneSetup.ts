import type { TestProject } from 'vitest/node';
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
  project.provide('kubeconfig', controlPlane.kubeconfigPath);
  project.provide('kubectl', programs.path('kubectl'));
  return close;
}
